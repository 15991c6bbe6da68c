"""Looking things up: what the commands show, and the buttons that turn their pages."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.application.origin import Asked
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
from handlers.origin import asked_by
from handlers.services import Door

ENOUGH = 60.0  # seconds for RDS: the ack does not wait so long, the person may


def register(app: AsyncApp, door: Door) -> None:
    for turn in (BACK, ON):
        app.action(BACKUPS_PAGE + turn)(partial(turn_backups, door))
        app.action(MADE_PAGE + turn)(partial(turn_made, door))
        app.action(INSTANCES_PAGE + turn)(partial(turn_instances, door))


async def turn_backups(
    door: Door, ack: AsyncAck, respond: Respond, action: dict[str, Any]
) -> None:
    await ack()
    number, every, instance = f"{action.get('value', '')}  ".split(" ", 2)
    page = backups(door, instance.strip() or None, every=every == "all", number=_number(number))
    await _replace(respond, await page)


async def turn_made(door: Door, ack: AsyncAck, respond: Respond, action: dict[str, Any]) -> None:
    await ack()
    number = _number(action.get("value", ""))
    await _replace(respond, await backups(door, None, every=False, number=number))


async def turn_instances(
    door: Door,
    ack: AsyncAck,
    respond: Respond,
    action: dict[str, Any],
    body: dict[str, Any],
) -> None:
    await ack()
    number, _, like = str(action.get("value", "")).partition(" ")
    page = instances(door, like or None, asked_by(body), number=_number(number))
    await _replace(respond, await page)


async def _help(door: Door, wish: Help, _: Asked) -> Message:
    return answers.help_message(door.command, wish.verb)


async def _policy(door: Door, wish: ShowPolicy, asked: Asked) -> Message:
    if wish.instance is None:
        return answers.policy_overview(door.overview.policy, door.command)
    view = await door.overview.policy_for(wish.instance, asked)
    return answers.policy_answer(
        view.instance,
        view.terms,
        view.decision,
        user=asked.user_id,
        able=view.able,
        break_glass=view.may_break_glass,
        command=door.command,
    )


async def _audit(door: Door, wish: ShowAudit, asked: Asked) -> Message:
    trail = await door.overview.trail(wish.instance, asked)
    return answers.audit_answer(
        trail.instance_name, trail.entries, now=trail.at, command=door.command
    )


async def _list(door: Door, wish: ListBackups, _: Asked) -> Message:
    return await backups(door, wish.instance, every=wish.every, number=0)


async def backups(door: Door, instance: str | None, *, every: bool, number: int) -> Message:
    """A page of an instance's backups, or of those that this bot made."""
    if instance is None:
        return answers.made_table(await door.inventory.made(number), door.command)
    try:
        view = await door.inventory.backups(instance, every=every, number=number, patience=ENOUGH)
    except TimeoutError:
        raise RdsUnreachable("slow") from None
    return answers.backups_table(view, door.command)


async def _instances(door: Door, wish: ListInstances, asked: Asked) -> Message:
    return await instances(door, wish.like, asked, number=0)


async def instances(door: Door, like: str | None, asked: Asked, *, number: int) -> Message:
    """A page of the instances."""
    view = await door.inventory.instances(like, asked, number=number, patience=ENOUGH)
    return answers.instances_table(view, door.command)


async def _status(door: Door, wish: ShowStatus, asked: Asked) -> Message:
    if wish.about is None:
        return answers.status_message(await door.board.status(asked), door.command)
    request = await door.board.request(wish.about, asked)
    link = (await door.homes.links([request])).get(request.id)
    return answers.one_request(request, door.board.now(), link)


async def _pending(door: Door, _: ShowPending, asked: Asked) -> Message:
    return answers.pending_message(await door.board.pending(asked.user_id), door.command)


ANSWERS: dict[type[Command], Callable[[Door, Any, Asked], Awaitable[Message]]] = {
    Help: _help,
    ShowPolicy: _policy,
    ShowAudit: _audit,
    ListBackups: _list,
    ListInstances: _instances,
    ShowStatus: _status,
    ShowPending: _pending,
}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0  # noqa: PLR2004, no page is so far


async def _replace(respond: Respond, message: Message) -> None:
    await respond(response_type="ephemeral", replace_original=True, **message.as_slack())
