"""The slash command."""

import uuid
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.backups import Asked, Backups
from bot.domain.commands import Help, parse
from bot.slack import answers


def register(app: AsyncApp, backups: Backups, command: str) -> None:
    app.command(command)(partial(backup, backups))


async def backup(backups: Backups, ack: AsyncAck, command: dict[str, Any]) -> None:
    """`/backup …`: what it asks for is on disk before Slack gets its ack."""
    name = command["command"]
    parsed = parse(command.get("text") or "", command=name)
    if isinstance(parsed, Help):
        message = answers.help_message(name)
    else:
        message = answers.accepted(await backups.ask(parsed, _asked(command)), name)
    await ack(response_type="ephemeral", **message.as_slack())


def _asked(command: dict[str, Any]) -> Asked:
    return Asked(
        user_id=command["user_id"],
        team_id=command.get("team_id", ""),
        channel_id=command["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=command.get("trigger_id") or uuid.uuid4().hex,
        response_url=command.get("response_url"),
    )
