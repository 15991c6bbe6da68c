"""Forms: what is typed into one is judged when it is sent, and answered in its place."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.backups import Asked, Backups
from bot.domain.clicks import Click
from bot.domain.commands import CommandError, checked_create
from bot.domain.decisions import Verdict
from bot.domain.errors import NameTaken, RdsError, UserError
from bot.domain.folding import fold
from bot.domain.keeping import shown_keep
from bot.domain.requests import Choice
from bot.slack import answers
from bot.slack.mrkdwn import Message
from bot.slack.views import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    DESCRIPTION,
    NAME,
    REASON,
    REJECT_VIEW,
    answer_view,
    name_taken,
)
from handlers.asker import team_of
from handlers.door import Door

FIELDS = {"name": NAME, "description": DESCRIPTION}  # a problem's field → where it stands


def register(app: AsyncApp, door: Door) -> None:
    backups = door.backups
    app.view(REJECT_VIEW)(partial(give_reason, backups, Choice.REJECT))
    app.view(BREAK_GLASS_VIEW)(partial(give_reason, backups, Choice.BREAK_GLASS))
    app.view(ASK_AGAIN_VIEW)(partial(ask_again, backups, door.command))


async def give_reason(
    backups: Backups, choice: Choice, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Reject, or break the glass: the choice is on disk before the form says so."""
    click = Click(
        request_id=view.get("private_metadata", ""),
        choice=choice,
        user_id=body["user"]["id"],
        team_id=team_of(body),
        reason=_typed(view, REASON),
    )
    result = await backups.decide(click)
    message = answers.click_answer(result, click)
    if result.verdict is Verdict.NO_REASON:
        await ack(response_action="errors", errors={REASON: message.text})
    else:
        await _answer(ack, view, message)


async def ask_again(
    backups: Backups, command: str, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Ask for the same once more: a new request, by whoever sends the form."""
    before = await backups.to_repeat(view.get("private_metadata", ""), team_of(body))
    if before is None:
        return await _answer(ack, view, answers.unknown_request())
    asked = Asked(
        user_id=body["user"]["id"],
        team_id=team_of(body),
        channel_id=before.channel_id,
        trigger_id=f"view-{view['id']}",
        response_url=None,
    )
    try:
        keep = shown_keep(before.keep) if before.keep else ""
        wish = checked_create(
            before.reference, _typed(view, NAME), _typed(view, DESCRIPTION), keep
        )
        request = await backups.ask(wish, asked, again=before.id)
    except CommandError as error:
        errors = {FIELDS.get(problem.about, NAME): str(problem) for problem in error.problems}
        await ack(response_action="errors", errors=errors)
    except NameTaken as error:
        errors = {NAME: name_taken(error)}
        await ack(response_action="errors", errors=errors)
    except (UserError, RdsError) as error:
        await _answer(ack, view, answers.refusal(error, command))
    else:
        await _answer(ack, view, answers.accepted(request, command))


def _typed(view: dict[str, Any], field: str) -> str:
    values = view.get("state", {}).get("values", {})
    return fold(str(values.get(field, {}).get(field, {}).get("value") or "")).strip()


async def _answer(ack: AsyncAck, view: dict[str, Any], message: Message) -> None:
    title = view["title"]["text"]
    await ack(response_action="update", view=answer_view(title, message))
