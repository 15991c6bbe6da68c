"""Buttons. A click only says who clicked; the use case checks what they can do."""

import json
import re
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.clicks import Clicks
from bot.domain.clicks import Click
from bot.domain.commands import Typed
from bot.domain.decisions import Verdict
from bot.domain.errors import FormNotOpened
from bot.domain.requests import Choice
from bot.slack.messages import answers, views
from bot.slack.messages.answers import FIX
from bot.slack.messages.cards import APPROVE, ASK_AGAIN, BREAK_GLASS, REJECT, WITHDRAW
from bot.slack.messages.home import OPEN
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.replies import KEEP
from bot.slack.transport.bolt import Respond
from bot.slack.transport.slack_errors import FAILURES, error_code
from handlers import forms
from handlers.modals import open_modal
from handlers.origin import of_this_release, origin_of, team_of
from handlers.services import Services

log = structlog.get_logger(__name__)

FORMS = {Choice.REJECT: views.reject_view, Choice.BREAK_GLASS: views.break_glass_view}


def register(app: AsyncApp, services: Services) -> None:
    clicks = services.clicks
    app.action(KEEP)(partial(keep, clicks))
    app.action(FIX)(partial(fix, services))
    app.action(re.compile(f"^{OPEN}:"))(just_ack)
    app.action(APPROVE)(partial(decide, clicks, Choice.APPROVE))
    app.action(WITHDRAW)(partial(decide, clicks, Choice.WITHDRAW))
    app.action(REJECT)(partial(decide, clicks, Choice.REJECT))
    app.action(BREAK_GLASS)(partial(decide, clicks, Choice.BREAK_GLASS))
    app.action(ASK_AGAIN)(partial(ask_again, clicks))


async def decide(
    clicks: Clicks,
    choice: Choice,
    ack: AsyncAck,
    body: dict[str, Any],
    respond: Respond,
    client: AsyncWebClient,
) -> None:
    """Store the decision, ack, and tell the person who clicked what it came to.

    Where a reason is required, a person who can decide gets a form for it.
    """
    click = Click(
        request_id=_claimed(body),
        choice=choice,
        user_id=body["user"]["id"],
        team_id=team_of(body),
    )
    result = await clicks.decide(click)
    await ack()
    if result.verdict is Verdict.NO_REASON and result.request is not None:
        await _open(client, respond, body, FORMS[choice](result.request))
    else:
        await _tell(respond, answers.click_answer(result, click))
    if result.request and await clicks.is_double(result.request.id, _clicked(body)):
        await _take_away(respond)


async def ask_again(
    clicks: Clicks,
    ack: AsyncAck,
    body: dict[str, Any],
    respond: Respond,
    client: AsyncWebClient,
) -> None:
    """Open the form that requests the same backup again."""
    request = await clicks.claimed(_claimed(body), team_of(body))
    await ack()
    if request is None:
        await _tell(respond, answers.unknown_request())
    else:
        await _open(client, respond, body, views.ask_again_view(request, request.next_name))


async def keep(clicks: Clicks, ack: AsyncAck, body: dict[str, Any], respond: Respond) -> None:
    """Keep a backup that was to be deleted automatically; the thread says who kept it."""
    user_id = body["user"]["id"]
    request = await clicks.keep(_claimed(body), user_id, team_of(body))
    await ack()
    await _tell(respond, answers.kept_answer(request, user_id))


async def fix(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form, prefilled with what was typed in the command."""
    with of_this_release():
        typed = Typed(**{field: str(text) for field, text in json.loads(_claimed(body)).items()})
    await forms.open_form(services, client, body["trigger_id"], origin_of(body), typed)
    await ack()


async def just_ack(ack: AsyncAck) -> None:
    """Ack a button that is only a link."""
    await ack()


def _claimed(body: dict[str, Any]) -> str:
    """The value of the button."""
    return str(body["actions"][0].get("value", ""))


def _clicked(body: dict[str, Any]) -> str:
    """The ts of the message with the button."""
    return str(body.get("container", {}).get("message_ts", ""))


async def _open(
    client: AsyncWebClient, respond: Respond, body: dict[str, Any], view: dict[str, Any]
) -> None:
    try:
        await open_modal(client, body["trigger_id"], view)
    except FormNotOpened:
        await _tell(respond, answers.form_not_opened())


async def _take_away(respond: Respond) -> None:
    """Delete the message: it is a second card of the request, which isn't updated."""
    try:
        await respond(delete_original=True)
    except FAILURES as error:
        log.warning("double_not_deleted", error=error_code(error))


async def _tell(respond: Respond, message: Message) -> None:
    """Answer the person who clicked. The click counts even if Slack rejects the answer."""
    try:
        await respond(response_type="ephemeral", replace_original=False, **message.as_slack())
    except FAILURES as error:
        log.warning("click_answer_not_taken", error=error_code(error))
