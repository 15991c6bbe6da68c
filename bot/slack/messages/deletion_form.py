"""The form that asks for a backup's name before its deletion is requested."""

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
    """Return the form: what will be deleted, and a field for its name."""
    lines = [f"*Delete {code(target.name)} of {name(target.instance.label)}*", _measured(target)]
    lines.append("If a backup needs approval here, so does this. It can't be undone.")
    typed = PlainTextInputElement(action_id=NAME, max_length=LONGEST_NAME, focus_on_load=True)
    carried = Deletion(name=target.name, instance=target.instance.id, channel=channel)
    return View(
        type="modal",
        callback_id=DELETE_VIEW,
        title=PlainTextObject(text="Delete a backup"),
        submit=PlainTextObject(text="Request deletion"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=carried.build(),
        blocks=[
            SectionBlock(text=verbatim("\n".join(lines))),
            InputBlock(
                block_id=NAME, label="Type the backup's name", hint=target.name, element=typed
            ),
        ],
    ).to_dict()


def wrong_name(right: str) -> str:
    """The problem shown beside the field, in plain text."""
    return f"That isn't the backup's name. Type {right} to confirm."


def _measured(target: DeletionTarget) -> str:
    backup = target.backup
    if backup is None:
        return "RDS isn't responding. I'll check the backup once it does, before I post the card."
    began = f" from {date(backup.begin_time)}" if backup.begin_time else ""
    measured = f", {size(backup.size_kb)}" if backup.size_kb else ""
    return f"Manual backup{began}{measured}."
