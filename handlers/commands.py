"""The slash command."""

import uuid
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.backups import Asked, Backups
from bot.domain.commands import Command, CreateBackup, Help, ShowAudit, ShowPolicy, parse
from bot.overview import Overview
from bot.slack import answers
from bot.slack.mrkdwn import Message


def register(app: AsyncApp, backups: Backups, overview: Overview, command: str) -> None:
    app.command(command)(partial(backup, backups, overview))


async def backup(
    backups: Backups, overview: Overview, ack: AsyncAck, command: dict[str, Any]
) -> None:
    """`/backup …`: what it asks for is on disk before Slack gets its ack."""
    name = command["command"]
    wish = parse(command.get("text") or "", command=name)
    message = await _answer(backups, overview, wish, _asked(command), name)
    await ack(response_type="ephemeral", **message.as_slack())


async def _answer(
    backups: Backups, overview: Overview, wish: Command, asked: Asked, command: str
) -> Message:
    match wish:
        case Help(verb):
            return answers.help_message(command, verb)
        case CreateBackup():
            return answers.accepted(await backups.ask(wish, asked), command)
        case ShowPolicy():
            return await _policy(overview, wish, asked, command)
        case ShowAudit(instance):
            trail = await overview.trail(instance, asked)
            return answers.audit_answer(
                trail.instance_name, trail.entries, now=trail.at, command=command
            )


async def _policy(overview: Overview, wish: ShowPolicy, asked: Asked, command: str) -> Message:
    if wish.instance is None:
        return answers.policy_overview(overview.policy, command)
    view = await overview.policy_for(wish.instance, asked)
    return answers.policy_answer(
        view.instance,
        view.terms,
        view.decision,
        user=asked.user_id,
        able=view.able,
        break_glass=view.may_break_glass,
        command=command,
    )


def _asked(command: dict[str, Any]) -> Asked:
    return Asked(
        user_id=command["user_id"],
        team_id=command.get("team_id", ""),
        channel_id=command["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=command.get("trigger_id") or uuid.uuid4().hex,
        response_url=command.get("response_url"),
    )
