"""What Slack sends, one file per kind of interaction: ack, parse, one call, one answer."""

from slack_bolt.async_app import AsyncApp

from bot.backups import Backups
from handlers import actions, commands, errors


def register(app: AsyncApp, backups: Backups, command: str) -> None:
    """Listen to everything the manifest announces."""
    commands.register(app, backups, command)
    actions.register(app, backups)
    errors.register(app, command)
