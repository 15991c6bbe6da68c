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

from bot.application.origin import Asked
from bot.domain.commands import Command, CreateBackup, DeleteBackup, OpenForm, Withdraw
from bot.domain.grammar import parse
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.bolt import Respond
from bot.slack.transport.http import SENT_AT
from handlers import deletion_forms, forms, queries
from handlers.services import Door

SOON = 2.0  # seconds for which an ack waits for its answer: Slack waits for three


def register(app: AsyncApp, door: Door) -> None:
    app.command(door.command)(partial(backup, door))


async def backup(
    door: Door,
    ack: AsyncAck,
    respond: Respond,
    client: AsyncWebClient,
    command: dict[str, Any],
    context: AsyncBoltContext,
) -> None:
    """`/backup …`: what it asks for is on disk before Slack gets its ack."""
    asked = asked_in(command, context.get(SENT_AT))
    door.rate_limit.check(asked.user_id)
    wish = parse(command.get("text") or "", command=door.command)
    if isinstance(wish, OpenForm):
        await forms.open_form(door, client, command["trigger_id"], asked, wish.typed)
        await ack()
    elif isinstance(wish, DeleteBackup):
        await deletion_forms.confirm(door, client, command["trigger_id"], wish, asked)
        await ack()
    elif look := queries.ANSWERS.get(type(wish)):
        await answer(look(door, wish, asked), ack, respond)
    else:
        message = await ANSWERS[type(wish)](door, wish, asked)
        await ack(response_type="ephemeral", **message.as_slack())


async def answer(coming: Awaitable[Message], ack: AsyncAck, respond: Respond) -> None:
    """In the ack, or after it where RDS takes its time."""
    task = asyncio.ensure_future(coming)
    done, _ = await asyncio.wait([task], timeout=SOON)
    if done:
        await ack(response_type="ephemeral", **task.result().as_slack())
        return
    await ack(response_type="ephemeral", **answers.takes_time().as_slack())
    message = await task
    await respond(response_type="ephemeral", replace_original=False, **message.as_slack())


async def _create(door: Door, wish: CreateBackup, asked: Asked) -> Message:
    return answers.accepted(await door.backups.ask(wish, asked), door.command)


async def _withdraw(door: Door, wish: Withdraw, asked: Asked) -> Message:
    return answers.click_answer(*await door.clicks.withdraw(wish.about, asked))


ANSWERS: dict[type[Command], Callable[[Door, Any, Asked], Awaitable[Message]]] = {
    CreateBackup: _create,
    Withdraw: _withdraw,
}


def asked_in(command: dict[str, Any], sent_at: datetime | None = None) -> Asked:
    """Who typed the command, where, and when, if Slack signed that."""
    return Asked(
        user_id=command["user_id"],
        team_id=command.get("team_id", ""),
        channel_id=command["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=command.get("trigger_id") or uuid.uuid4().hex,
        response_url=command.get("response_url"),
        sent_at=sent_at,
    )
