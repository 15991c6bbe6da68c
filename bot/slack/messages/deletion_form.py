"""The form in which a backup's name is typed again before it is deleted."""

from typing import Any

from slack_sdk.models.blocks import (
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.views import View

from bot.application.deletions import DeletionTarget
from bot.domain.fields import LONGEST_NAME
from bot.slack.messages.ids import DELETE_VIEW, NAME, Deletion
from bot.slack.messages.mrkdwn import code, date, name, size, verbatim


def deletion_form(target: DeletionTarget, channel: str) -> dict[str, Any]:
    """What will be gone, and a field for its name."""
    lines = [f"*Delete {code(target.name)} of {name(target.instance.name)}*", _measured(target)]
    lines.append(
        "This goes through the same approval as a backup. Once it is deleted, it cannot be "
        "brought back."
    )
    typed = PlainTextInputElement(action_id=NAME, max_length=LONGEST_NAME, focus_on_load=True)
    carried = Deletion(name=target.name, instance=target.instance.id, channel=channel)
    return View(
        type="modal",
        callback_id=DELETE_VIEW,
        title=PlainTextObject(text="Delete a backup"),
        submit=PlainTextObject(text="Ask to delete"),
        close=PlainTextObject(text="Keep it"),
        private_metadata=carried.build(),
        blocks=[
            SectionBlock(text=verbatim("\n".join(lines))),
            InputBlock(
                block_id=NAME, label="Type the backup's name", hint=target.name, element=typed
            ),
        ],
    ).to_dict()


def wrong_name(right: str) -> str:
    """Beside the field, in plain text."""
    return f"This is not its name. Type {right} if it is the one to delete."


def _measured(target: DeletionTarget) -> str:
    backup = target.backup
    if backup is None:
        return "RDS has not answered yet: I check it with RDS before I put it up."
    began = f"Manual backup of {date(backup.begin_time)}" if backup.begin_time else "Manual backup"
    return f"{began}, {size(backup.size_kb)}." if backup.size_kb else f"{began}."
