"""What Slack sends, one file per kind of interaction: ack, parse, one call, one answer."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.slack.messages.ids import (
    APPROVE,
    BREAK_GLASS,
    BREAK_GLASS_VIEW,
    REJECT,
    REJECT_VIEW,
    WITHDRAW,
)
from handlers import (
    actions,
    commands,
    errors,
    events,
    incidents,
    options,
    shortcuts,
    views,
)
from handlers.origin import sender_team
from handlers.services import Services

__all__ = ["Services", "register"]

# The use case refuses these itself, and writes the refusal to the audit log.
DECISIONS = {APPROVE, REJECT, WITHDRAW, BREAK_GLASS, REJECT_VIEW, BREAK_GLASS_VIEW}


def register(app: AsyncApp, services: Services) -> None:
    """Register a listener for everything in the manifest."""
    app.middleware(partial(check_sender, services))
    for kind in (commands, actions, incidents, views, shortcuts, events, options, errors):
        kind.register(app, services)


async def check_sender(
    services: Services,
    body: dict[str, Any],
    next: Callable[[], Awaitable[None]],  # noqa: A002, Bolt's name
) -> None:
    """Run before every listener. Raises ForeignWorkspace for people of another workspace."""
    actions, view = body.get("actions") or [{}], body.get("view") or {}
    if not DECISIONS & {actions[0].get("action_id"), view.get("callback_id")}:
        services.check_team(sender_team(body))
    await next()
