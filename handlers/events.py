"""Events: a person opens the home tab."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.event("app_home_opened")(partial(opened, services))


async def opened(services: Services, event: dict[str, Any]) -> None:
    """Draw it as things stand now, and from now on when they change."""
    if event.get("tab", "home") == "home":
        await services.homes.opened(event["user"])
