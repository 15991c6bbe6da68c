"""Commands that only show something, and the buttons that turn their pages."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.application.origin import Origin
from bot.domain.commands import (
    Command,
    Help,
    ListBackups,
    ListInstances,
    ShowAudit,
    ShowPending,
    ShowPolicy,
    ShowStatus,
)
from bot.domain.errors import RdsUnreachable
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.tables import BACK, BACKUPS_PAGE, INSTANCES_PAGE, MADE_PAGE, ON
from bot.slack.transport.bolt import Respond
from handlers.origin import origin_of
from handlers.services import Services

ENOUGH = 60.0  # seconds for RDS; the ack doesn't wait that long


def register(app: AsyncApp, services: Services) -> None:
    for turn in (BACK, ON):
        app.action(BACKUPS_PAGE + turn)(partial(turn_backups, services))
        app.action(MADE_PAGE + turn)(partial(turn_made, services))
        app.action(INSTANCES_PAGE + turn)(partial(turn_instances, services))


async def turn_backups(
    services: Services, ack: AsyncAck, respond: Respond, action: dict[str, Any]
) -> None:
    await ack()
    number, every, instance = f"{action.get('value', '')}  ".split(" ", 2)
    page = backups(
        services, instance.strip() or None, every=every == "all", number=_number(number)
    )
    await _replace(respond, await page)


async def turn_made(
    services: Services, ack: AsyncAck, respond: Respond, action: dict[str, Any]
) -> None:
    await ack()
    number = _number(action.get("value", ""))
    await _replace(respond, await backups(services, None, every=False, number=number))


async def turn_instances(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    action: dict[str, Any],
    body: dict[str, Any],
) -> None:
    await ack()
    number, _, like = str(action.get("value", "")).partition(" ")
    page = instances(services, like or None, origin_of(body), number=_number(number))
    await _replace(respond, await page)


async def _help(services: Services, wish: Help, _: Origin) -> Message:
    return answers.help_message(services.command, wish.verb)


async def _policy(services: Services, wish: ShowPolicy, origin: Origin) -> Message:
    if wish.instance is None:
        return answers.policy_overview(services.policy_queries.policy, services.command)
    view = await services.policy_queries.policy_for(wish.instance, origin)
    return answers.policy_answer(
        view.instance,
        view.terms,
        view.decision,
        user=origin.user_id,
        able=view.able,
        break_glass=view.may_break_glass,
        command=services.command,
    )


async def _audit(services: Services, wish: ShowAudit, origin: Origin) -> Message:
    trail = await services.policy_queries.trail(wish.instance, origin)
    return answers.audit_answer(
        trail.instance_name, trail.entries, now=trail.at, command=services.command
    )


async def _list(services: Services, wish: ListBackups, _: Origin) -> Message:
    return await backups(services, wish.instance, every=wish.every, number=0)


async def backups(
    services: Services, instance: str | None, *, every: bool, number: int
) -> Message:
    """Return a page of an instance's backups, or of those made by this bot."""
    if instance is None:
        return answers.made_table(await services.inventory.made(number), services.command)
    try:
        view = await services.inventory.backups(
            instance, every=every, number=number, timeout_seconds=ENOUGH
        )
    except TimeoutError:
        raise RdsUnreachable("slow") from None
    return answers.backups_table(view, services.command)


async def _instances(services: Services, wish: ListInstances, origin: Origin) -> Message:
    return await instances(services, wish.like, origin, number=0)


async def instances(
    services: Services, like: str | None, origin: Origin, *, number: int
) -> Message:
    """Return a page of the instances."""
    view = await services.inventory.instances(like, origin, number=number, timeout_seconds=ENOUGH)
    return answers.instances_table(view, services.command)


async def _status(services: Services, wish: ShowStatus, origin: Origin) -> Message:
    if wish.about is None:
        return answers.status_message(
            await services.request_queries.status(origin), services.command
        )
    request = await services.request_queries.request(wish.about, origin)
    link = (await services.homes.links([request])).get(request.id)
    return answers.one_request(request, services.request_queries.now(), link)


async def _pending(services: Services, _: ShowPending, origin: Origin) -> Message:
    return answers.pending_message(
        await services.request_queries.pending(origin.user_id), services.command
    )


ANSWERS: dict[type[Command], Callable[[Services, Any, Origin], Awaitable[Message]]] = {
    Help: _help,
    ShowPolicy: _policy,
    ShowAudit: _audit,
    ListBackups: _list,
    ListInstances: _instances,
    ShowStatus: _status,
    ShowPending: _pending,
}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0  # noqa: PLR2004, no list has that many pages


async def _replace(respond: Respond, message: Message) -> None:
    await respond(response_type="ephemeral", replace_original=True, **message.as_slack())
