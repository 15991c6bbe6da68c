"""The home tab: opened, and its button."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.messages.home import START
from handlers import forms
from handlers.origin import origin_of
from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.event("app_home_opened")(partial(opened, services))
    app.action(START)(partial(start, services))


async def opened(services: Services, event: dict[str, Any]) -> None:
    """Draw the tab now, and again whenever something on it changes."""
    if event.get("tab", "home") == "home":
        await services.homes.opened(event["user"])


async def start(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form from the home tab's button."""
    await forms.open_form(services, client, body["trigger_id"], origin_of(body))
    await ack()
