"""Submitted forms for a reason or for requesting a backup again."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.application.clicks import Clicks
from bot.domain.clicks import Click
from bot.domain.commands import Typed
from bot.domain.decisions import Verdict
from bot.domain.folding import fold
from bot.domain.keeping import shown_keep
from bot.domain.requests import Choice
from bot.slack.messages import answers
from bot.slack.messages.views import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    DESCRIPTION,
    NAME,
    REASON,
    REJECT_VIEW,
)
from handlers.modals import answer, ask, point_out
from handlers.origin import origin_of_form, team_of
from handlers.services import Services

FIELDS = {"name": NAME, "description": DESCRIPTION}  # what a problem is about → its block id


def register(app: AsyncApp, services: Services) -> None:
    app.view(REJECT_VIEW)(partial(give_reason, services.clicks, Choice.REJECT))
    app.view(BREAK_GLASS_VIEW)(partial(give_reason, services.clicks, Choice.BREAK_GLASS))
    app.view(ASK_AGAIN_VIEW)(partial(ask_again, services))


async def give_reason(
    clicks: Clicks, choice: Choice, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Reject, or start without approval. The choice is stored before the form is answered."""
    click = Click(
        request_id=view.get("private_metadata", ""),
        choice=choice,
        user_id=body["user"]["id"],
        team_id=team_of(body),
        reason=_typed(view, REASON),
    )
    result = await clicks.decide(click)
    message = answers.click_answer(result, click)
    if result.verdict is Verdict.NO_REASON:
        await point_out(ack, {REASON: message.text})
    else:
        await answer(ack, view, message)


async def ask_again(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Request the same backup again, in the name of the person who submits the form."""
    before = await services.clicks.claimed(view.get("private_metadata", ""), team_of(body))
    if before is None:
        await answer(ack, view, answers.unknown_request())
        return
    keep = shown_keep(before.keep) if before.keep else ""
    typed = Typed(before.reference, _typed(view, NAME), _typed(view, DESCRIPTION), keep)
    origin = origin_of_form(body, before.channel_id)
    await ask(services, ack, view, typed, origin, FIELDS, again=before.id)


def _typed(view: dict[str, Any], field: str) -> str:
    values = view.get("state", {}).get("values", {})
    return fold(str(values.get(field, {}).get(field, {}).get("value") or "")).strip()
