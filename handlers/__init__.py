"""What Slack sends, one file per kind of interaction: ack, parse, one call, one answer."""

from slack_bolt.async_app import AsyncApp

from handlers import (
    actions,
    commands,
    deletion_forms,
    errors,
    events,
    forms,
    looks,
    shortcuts,
    views,
)
from handlers.door import Door

__all__ = ["Door", "register"]


def register(app: AsyncApp, door: Door) -> None:
    """Listen to everything the manifest announces."""
    kinds = commands, looks, forms, deletion_forms, views, shortcuts, events, actions, errors
    for kind in kinds:
        kind.register(app, door)
