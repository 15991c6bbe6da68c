"""What Slack sends, one file per kind of interaction: ack, parse, one call, one answer."""

from slack_bolt.async_app import AsyncApp

from bot.backups import Backups
from bot.overview import Overview
from handlers import actions, commands, errors, views


def register(app: AsyncApp, backups: Backups, overview: Overview, command: str) -> None:
    """Listen to everything the manifest announces."""
    commands.register(app, backups, overview, command)
    actions.register(app, backups)
    views.register(app, backups, command)
    errors.register(app, command)
