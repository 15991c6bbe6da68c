"""Forms: what a reason is asked with, what is asked again, and what came of it."""

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
from bot.slack.messages.words import kept, nothing, wish

LONGEST_TITLE = 24  # Slack's limit

NAME_RULE = (
    f"{SHORTEST_NAME} to {LONGEST_NAME} letters, digits, - and _, a letter first. "
    "RDS wants a name once."
)
DESCRIPTION_RULE = (
    f"For whoever decides. At most {LONGEST_DESCRIPTION} characters, none of {' '.join(FORBIDDEN)}"
)


def reject_view(request: BackupRequest) -> dict[str, Any]:
    """Why somebody rejects."""
    asker = mention(request.requester)
    says = (
        f"Reject the request of {asker} to {wish(request)}. "
        f"{nothing(request).replace('was', 'will be')} {asker} and the thread are told why."
    )
    blocks = [_says(says), _reason()]
    return _form(REJECT_VIEW, "Reject the request", "Reject", request, blocks)


def break_glass_view(request: BackupRequest) -> dict[str, Any]:
    """Why somebody starts without approval, and what that brings about."""
    approvers = request.terms.approvers if request.terms else ()
    told = f"{people(approvers)} and the channel are told" if approvers else "The channel is told"
    says = (
        f"*This starts the backup of {name(request.instance_name)} at once, without approval.* "
        f"It cannot be stopped then. {told} your name and reason; both stay on the audit trail."
    )
    blocks = [_says(says), _reason()]
    return _form(BREAK_GLASS_VIEW, "Break the glass", "Start now", request, blocks)


def ask_again_view(
    request: BackupRequest, name: str, problems: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same once more, under `name`; `problems` are what was wrong before, by field."""
    until = f" It is again {kept(request)}." if request.keep else ""
    says = [
        f"Back up *{plain(request.instance_name)}* again: a new request, in your name.{until}",
        *(f"• {plain(problem)}" for problem in (problems or {}).values()),
    ]
    typed_name = PlainTextInputElement(
        action_id=NAME, initial_value=name[:LONGEST_NAME] or None, max_length=LONGEST_NAME
    )
    blocks = [
        _says("\n".join(says)),
        InputBlock(block_id=NAME, label="Name", element=typed_name, hint=NAME_RULE),
        why_field(request.description),
    ]
    return _form(ASK_AGAIN_VIEW, "Ask again", "Ask", request, blocks)


def why_field(typed: str) -> InputBlock:
    """Where a backup's description is typed."""
    return InputBlock(
        block_id=DESCRIPTION,
        label="Why",
        optional=True,
        hint=DESCRIPTION_RULE,
        element=PlainTextInputElement(
            action_id=DESCRIPTION,
            initial_value=typed[:LONGEST_DESCRIPTION] or None,
            max_length=LONGEST_DESCRIPTION,
        ),
    )


def name_taken(error: NameTaken) -> str:
    """Plain text, to stand beside the field: Slack shows no mention there."""
    owner = "another request" if error.requested_by else "another backup"
    return f"{owner.capitalize()} has the name {error.name}. Try {error.suggestion}."


def title_of(view: Mapping[str, Any]) -> str:
    """What stands above a form."""
    return str((view.get("title") or {}).get("text") or "Backups")


def answer_view(title: str, message: Message) -> dict[str, Any]:
    """What came of a form, in its place."""
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
        close=PlainTextObject(text="Go back"),
        private_metadata=request.id,
        blocks=blocks,
    ).to_dict()


def _says(mrkdwn: str) -> SectionBlock:
    return SectionBlock(text=verbatim(mrkdwn))


def _reason() -> InputBlock:
    typed = PlainTextInputElement(
        action_id=REASON, multiline=True, max_length=LONGEST_REASON, focus_on_load=True
    )
    return InputBlock(block_id=REASON, label="Why", element=typed)
