"""Events: a person opens the home tab."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.event("app_home_opened")(partial(opened, services))


async def opened(services: Services, ack: AsyncAck, event: dict[str, Any]) -> None:
    """Draw the home tab now and whenever it changes. The ack doesn't wait for it."""
    await ack()
    if event.get("tab", "home") == "home":
        await services.homes.opened(event["user"])
