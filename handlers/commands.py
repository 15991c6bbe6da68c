"""The slash command."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import Command, CreateBackup, DeleteBackup, OpenForm, Withdraw
from bot.domain.grammar import parse
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.bolt import Respond
from bot.slack.transport.http import SENT_AT
from handlers import deletion_forms, forms, queries
from handlers.services import Services

SOON = 2.0  # seconds to wait for the answer before the ack: Slack waits three


def register(app: AsyncApp, services: Services) -> None:
    app.command(services.command)(partial(backup, services))


async def backup(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    client: AsyncWebClient,
    command: dict[str, Any],
    context: AsyncBoltContext,
) -> None:
    """Handle `/backup …`. A request is stored before Slack gets its ack."""
    origin = origin_of_command(command, context.get(SENT_AT))
    services.rate_limit.check(origin.user_id)
    wish = parse(command.get("text") or "", command=services.command)
    if isinstance(wish, OpenForm):
        await forms.open_form(services, client, command["trigger_id"], origin, wish.typed)
        await ack()
    elif isinstance(wish, DeleteBackup):
        await deletion_forms.confirm(services, client, command["trigger_id"], wish, origin)
        await ack()
    elif look := queries.ANSWERS.get(type(wish)):
        await answer(look(services, wish, origin), ack, respond)
    else:
        message = await ANSWERS[type(wish)](services, wish, origin)
        await ack(response_type="ephemeral", **message.as_slack())


async def answer(coming: Awaitable[Message], ack: AsyncAck, respond: Respond) -> None:
    """Answer in the ack, or after it where RDS is slow."""
    task = asyncio.ensure_future(coming)
    done, _ = await asyncio.wait([task], timeout=SOON)
    if done:
        await ack(response_type="ephemeral", **task.result().as_slack())
        return
    await ack(response_type="ephemeral", **answers.takes_time().as_slack())
    message = await task
    await respond(response_type="ephemeral", replace_original=False, **message.as_slack())


async def _create(services: Services, wish: CreateBackup, origin: Origin) -> Message:
    return answers.accepted(await services.backups.ask(wish, origin), services.command)


async def _withdraw(services: Services, wish: Withdraw, origin: Origin) -> Message:
    return answers.click_answer(*await services.clicks.withdraw(wish.about, origin))


ANSWERS: dict[type[Command], Callable[[Services, Any, Origin], Awaitable[Message]]] = {
    CreateBackup: _create,
    Withdraw: _withdraw,
}


def origin_of_command(command: dict[str, Any], sent_at: datetime | None = None) -> Origin:
    """Return who typed the command, where, and when, if Slack signed the time."""
    return Origin(
        user_id=command["user_id"],
        team_id=command.get("team_id", ""),
        channel_id=command["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=command.get("trigger_id") or uuid.uuid4().hex,
        response_url=command.get("response_url"),
        sent_at=sent_at,
    )
