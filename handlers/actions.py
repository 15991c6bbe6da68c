"""Buttons, and the choice of an instance. Rights are checked when someone clicks."""

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
from bot.domain.preferences import Finished
from bot.domain.requests import Choice
from bot.slack.messages import answers, views
from bot.slack.messages.form import create_form
from bot.slack.messages.form_values import values_of
from bot.slack.messages.ids import (
    APPROVALS_CHOICE,
    APPROVE,
    ASK_AGAIN,
    BACK,
    BACKUPS_PAGE,
    BREAK_GLASS,
    CARD_LINKS,
    FINISHED_CHOICE,
    FIX,
    INSTANCE,
    INSTANCES_PAGE,
    KEEP_BACKUP,
    MADE_PAGE,
    ON,
    REJECT,
    START,
    WITHDRAW,
    BackupsPage,
    InstancesPage,
    MadePage,
    Purpose,
    TypedCommand,
)
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.bolt import Respond, tell_privately
from bot.slack.transport.slack_errors import FAILURES, error_code
from handlers.forms import AT_ONCE, chosen_in, open_form, proposing
from handlers.modals import open_modal
from handlers.origin import carried, of_this_release, origin_of, origin_of_form, sender_of
from handlers.pages import backups_page, instances_page
from handlers.services import Services

log = structlog.get_logger(__name__)

MOST_FORMS = 1000  # remembered; people choose again within seconds
DECISION = "Your decision"  # the title of the answer on the home tab
FORMS = {Choice.REJECT: views.reject_view, Choice.BREAK_GLASS: views.break_glass_view}


def register(app: AsyncApp, services: Services) -> None:
    clicks = services.clicks
    app.action(START)(partial(start, services))
    app.action(KEEP_BACKUP)(partial(keep, clicks))
    app.action(FIX)(partial(fix, services))
    app.action(INSTANCE)(partial(choose, services, Choices()))
    app.action(CARD_LINKS)(just_ack)
    for choice in (FINISHED_CHOICE, APPROVALS_CHOICE):
        app.action(choice)(partial(choose_direct_messages, services))
    for turn in (BACK, ON):
        app.action(BACKUPS_PAGE + turn)(partial(turn_backups, services))
        app.action(MADE_PAGE + turn)(partial(turn_made, services))
        app.action(INSTANCES_PAGE + turn)(partial(turn_instances, services))
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
    """Approve, reject, or withdraw. Saved before the ack; the person gets an answer.

    If a reason is needed, people who can decide get a form for it.
    """
    sender = sender_of(body)
    click = Click(
        request_id=carried(body),
        choice=choice,
        user_id=body["user"]["id"],
        team_id=sender.team_id,
        enterprise_id=sender.enterprise_id,
    )
    result = await clicks.decide(click)
    await ack()
    message = answers.click_answer(result, click)
    if result.verdict is Verdict.NO_REASON and result.request is not None:
        await _open(client, respond, body, FORMS[choice](result.request))
    elif body.get("container", {}).get("type") == "view":  # the home tab, where none can be posted
        view = views.answer_view(DECISION, message)
        await _open(client, respond, body, view, otherwise=message)
    else:
        await tell_privately(respond, message)
    if result.request and (card := await clicks.other_card(result.request.id, _clicked(body))):
        await _point_at(card, client, respond)


async def ask_again(
    clicks: Clicks,
    ack: AsyncAck,
    body: dict[str, Any],
    respond: Respond,
    client: AsyncWebClient,
) -> None:
    """Open the form with the values of an earlier request."""
    request = await clicks.claimed(carried(body), sender_of(body))
    await ack()
    if request is None:
        await tell_privately(respond, answers.unknown_request())
    else:
        await _open(client, respond, body, views.ask_again_view(request, request.next_name))


async def keep(clicks: Clicks, ack: AsyncAck, body: dict[str, Any], respond: Respond) -> None:
    """Cancel a backup's automatic deletion; the thread says who did it."""
    user_id = body["user"]["id"]
    request = await clicks.keep(carried(body), user_id, sender_of(body))
    await ack()
    await tell_privately(respond, answers.kept_answer(request, user_id))


async def fix(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form with what was typed in the command."""
    with of_this_release():
        typed = Typed(**TypedCommand.parse(carried(body)).model_dump())
    await open_form(services, client, body["trigger_id"], origin_of(body), typed)
    await ack()


async def start(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form from the home tab's button."""
    await open_form(services, client, body["trigger_id"], origin_of(body))
    await ack()


async def choose_direct_messages(
    services: Services, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]
) -> None:
    """Save what a person wants to hear; their home tab shows it."""
    value = str((action.get("selected_option") or {}).get("value", ""))
    chosen = await services.request_queries.preferences(body["user"]["id"])
    with of_this_release():
        if action["action_id"] == FINISHED_CHOICE:
            chosen = chosen.model_copy(update={"finished": Finished(value)})
        else:
            chosen = chosen.model_copy(update={"approvals": {"yes": True, "no": False}[value]})
    await services.request_queries.save_preferences(chosen)
    await ack()


class Choices:
    """The time of the last choice in each form, so that an earlier one isn't drawn over it."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def came(self, view_id: str, at: float) -> None:
        self._last[view_id] = max(at, self._last.pop(view_id, 0.0))
        while len(self._last) > MOST_FORMS:
            self._last.pop(next(iter(self._last)))

    def is_last(self, view_id: str, at: float) -> bool:
        return at >= self._last.get(view_id, 0.0)


async def choose(
    services: Services,
    choices: Choices,
    ack: AsyncAck,
    body: dict[str, Any],
    client: AsyncWebClient,
) -> None:
    """Show what a backup of the chosen instance requires, and propose a name."""
    await ack()
    view, at = body["view"], float(body["actions"][0]["action_ts"])
    choices.came(view["id"], at)
    with of_this_release():
        typed, purpose = values_of(view), Purpose.parse(view["private_metadata"])
    found = services.instance_search.named(
        typed.instance, await services.instance_search.known(AT_ONCE)
    )
    if found is None:
        return
    chosen = await chosen_in(
        services, found, origin_of_form(body, purpose.channel, purpose.thread_ts)
    )
    if typed.name in ("", purpose.proposed):
        purpose = proposing(services, purpose, found, typed.description)
        typed = Typed(typed.instance, "", typed.description, typed.keep)
    for seen in (view["hash"], None):  # an earlier choice may have been drawn in the meantime
        if not choices.is_last(view["id"], at):
            return
        changed = create_form(typed, purpose, chosen)
        try:
            await client.views_update(view_id=view["id"], hash=seen, view=changed)
        except FAILURES as error:
            log.info("form_not_updated", error=error_code(error))
            if error_code(error) != "hash_conflict":  # they closed it
                return
            purpose = purpose.model_copy(update={"turn": purpose.turn + 1})
        else:
            return


async def turn_backups(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    action: dict[str, Any],
    body: dict[str, Any],
) -> None:
    """Replace the page of an instance's backups with another one."""
    with of_this_release():
        page = BackupsPage.parse(action.get("value", ""))
    await ack()
    origin = origin_of(body)
    shown = await backups_page(
        services, page.instance, origin, every=page.every, number=page.number
    )
    await _replace(respond, shown)


async def turn_made(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    action: dict[str, Any],
    body: dict[str, Any],
) -> None:
    """Replace the page of the bot's own backups with another one."""
    with of_this_release():
        page = MadePage.parse(action.get("value", ""))
    await ack()
    origin = origin_of(body)
    shown = await backups_page(services, None, origin, every=False, number=page.number)
    await _replace(respond, shown)


async def turn_instances(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    action: dict[str, Any],
    body: dict[str, Any],
) -> None:
    """Replace the page of instances with another one."""
    with of_this_release():
        page = InstancesPage.parse(action.get("value", ""))
    await ack()
    shown = await instances_page(services, page.like, origin_of(body), number=page.number)
    await _replace(respond, shown)


async def just_ack(ack: AsyncAck) -> None:
    """Ack a link button; Slack reports its clicks, too."""
    await ack()


def _clicked(body: dict[str, Any]) -> str:
    """Return the ts of the message with the button."""
    return str(body.get("container", {}).get("message_ts", ""))


async def _open(
    client: AsyncWebClient,
    respond: Respond,
    body: dict[str, Any],
    view: dict[str, Any],
    otherwise: Message | None = None,
) -> None:
    try:
        await open_modal(client, body["trigger_id"], view)
    except FormNotOpened:
        await tell_privately(respond, otherwise or answers.form_not_opened())


async def _point_at(card: tuple[str, str], client: AsyncWebClient, respond: Respond) -> None:
    """Replace a card that was posted twice, which nobody keeps current, by a link to the other."""
    channel, ts = card
    try:
        link = await client.chat_getPermalink(channel=channel, message_ts=ts)
        pointer = answers.posted_twice(link["permalink"])
        await respond(replace_original=True, **pointer.as_slack())
    except FAILURES as error:
        log.warning("second_card_not_replaced", error=error_code(error))


async def _replace(respond: Respond, message: Message) -> None:
    await respond(response_type="ephemeral", replace_original=True, **message.as_slack())
