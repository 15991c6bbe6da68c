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
from handlers.origin import sender_of
from handlers.services import Services

__all__ = ["Services", "register"]

# What Slack tells of its own accord: no one is behind it.
NOBODYS = {"app_uninstalled", "tokens_revoked"}
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
    """Run before every listener. Raises ForeignWorkspace for strangers, and WorkspaceUnknown."""
    actions, view = body.get("actions") or [{}], body.get("view") or {}
    is_decision = DECISIONS & {actions[0].get("action_id"), view.get("callback_id")}
    if not is_decision and (body.get("event") or {}).get("type") not in NOBODYS:
        services.check_sender(sender_of(body))
    await next()
