"""Shortcuts that open the form for a backup."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.messages.ids import BACK_UP, BACK_UP_FROM_HERE
from handlers.forms import open_form
from handlers.origin import origin_of
from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.shortcut(BACK_UP)(partial(back_up, services))
    app.shortcut(BACK_UP_FROM_HERE)(partial(back_up_from_here, services))


async def back_up(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form from anywhere; it asks for the channel, too."""
    await open_form(services, client, body["trigger_id"], origin_of(body))
    await ack()


async def back_up_from_here(
    services: Services,
    ack: AsyncAck,
    body: dict[str, Any],
    client: AsyncWebClient,
) -> None:
    """Open the form from a message, whose thread gets a link to the card."""
    message = body["message"]
    origin = origin_of(body, message.get("thread_ts") or message["ts"])
    await open_form(services, client, body["trigger_id"], origin)
    await ack()
