"""Forms that ask for a reason or request a backup again, and the answers shown in their place."""

from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.views import View

from bot.domain.clicks import LONGEST_REASON
from bot.domain.errors import NameTaken
from bot.domain.fields import FORBIDDEN, LONGEST_DESCRIPTION, LONGEST_NAME, SHORTEST_NAME
from bot.domain.requests import BackupRequest
from bot.slack.messages.ids import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    DESCRIPTION,
    NAME,
    REASON,
    REJECT_VIEW,
)
from bot.slack.messages.mrkdwn import Message, mention, name, people, plain, verbatim
from bot.slack.messages.words import action, keep_span

LONGEST_TITLE = 24  # Slack's limit

NAME_RULE = (
    f"{SHORTEST_NAME}–{LONGEST_NAME} letters, digits, - or _, starting with a letter. "  # noqa: RUF001, a range
    "Must be unique in RDS."
)
DESCRIPTION_RULE = (
    f"Shown to approvers. Up to {LONGEST_DESCRIPTION} characters; "
    f"not allowed: {' '.join(FORBIDDEN)}"
)


def reject_view(request: BackupRequest) -> dict[str, Any]:
    """Return the form that asks for the reason of a rejection."""
    requester = mention(request.requester)
    says = (
        f"Reject {requester}'s request to {action(request)}? "
        f"Your reason goes to {requester} and the thread."
    )
    blocks = [_says(says), _reason()]
    return _form(REJECT_VIEW, "Reject the request", "Reject", request, blocks)


def break_glass_view(request: BackupRequest) -> dict[str, Any]:
    """Return the form that asks why to start without approval, and says what that does."""
    approvers = request.terms.approvers if request.terms else ()
    who = f"{people(approvers)} and the channel" if approvers else "The channel"
    says = (
        f"*This starts the backup of {name(request.instance_name)} immediately, without "
        f"approval.* It can't be stopped. {who} will see your name and reason; both are kept in "
        "the audit log."
    )
    blocks = [_says(says), _reason()]
    return _form(BREAK_GLASS_VIEW, "Start without approval", "Start now", request, blocks)


def ask_again_view(request: BackupRequest, name: str) -> dict[str, Any]:
    """Return the form that requests the same backup again, under `name`."""
    until = ""
    if request.keep:
        until = f" It will be kept for {keep_span(request.keep)}, then deleted."
    says = f"Back up *{plain(request.instance_name)}* again: a new request in your name.{until}"
    typed_name = PlainTextInputElement(
        action_id=NAME, initial_value=name[:LONGEST_NAME] or None, max_length=LONGEST_NAME
    )
    blocks = [
        _says(says),
        InputBlock(block_id=NAME, label="Name", element=typed_name, hint=NAME_RULE),
        why_field(request.description),
    ]
    return _form(ASK_AGAIN_VIEW, "Request again", "Request backup", request, blocks)


def why_field(typed: str) -> InputBlock:
    """Return the field for a backup's description."""
    return InputBlock(
        block_id=DESCRIPTION,
        label="Reason",
        optional=True,
        hint=DESCRIPTION_RULE,
        element=PlainTextInputElement(
            action_id=DESCRIPTION,
            initial_value=typed[:LONGEST_DESCRIPTION] or None,
            max_length=LONGEST_DESCRIPTION,
        ),
    )


def name_taken(error: NameTaken) -> str:
    """The problem shown beside the field, in plain text: Slack draws no mentions there."""
    owner = "Another request" if error.requested_by else "Another backup"
    return f"{owner} already uses the name {error.name}. Try {error.suggestion}."


def title_of(view: Mapping[str, Any]) -> str:
    """Return a form's title."""
    return str((view.get("title") or {}).get("text") or "Backups")


def answer_view(title: str, message: Message) -> dict[str, Any]:
    """Return the view that replaces a submitted form with its answer."""
    return View(
        type="modal",
        title=PlainTextObject(text=title[:LONGEST_TITLE]),
        close=PlainTextObject(text="Close"),
        blocks=[*message.blocks],
    ).to_dict()


def _form(
    callback_id: str, title: str, submit: str, request: BackupRequest, blocks: list[Block]
) -> dict[str, Any]:
    return View(
        type="modal",
        callback_id=callback_id,
        title=PlainTextObject(text=title),
        submit=PlainTextObject(text=submit),
        close=PlainTextObject(text="Cancel"),
        private_metadata=request.id,
        blocks=blocks,
    ).to_dict()


def _says(mrkdwn: str) -> SectionBlock:
    return SectionBlock(text=verbatim(mrkdwn))


def _reason() -> InputBlock:
    typed = PlainTextInputElement(
        action_id=REASON, multiline=True, max_length=LONGEST_REASON, focus_on_load=True
    )
    return InputBlock(block_id=REASON, label="Reason", element=typed)
