"""Events: somebody looks at their home tab."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.messages.home import START
from handlers import forms
from handlers.origin import asked_by
from handlers.services import Door


def register(app: AsyncApp, door: Door) -> None:
    app.event("app_home_opened")(partial(opened, door))
    app.action(START)(partial(start, door))


async def opened(door: Door, event: dict[str, Any]) -> None:
    """Draw it as things stand now, and from now on when they change."""
    if event.get("tab", "home") == "home":
        await door.homes.opened(event["user"])


async def start(door: Door, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
    """The home tab's button."""
    await forms.open_form(door, client, body["trigger_id"], asked_by(body))
    await ack()
