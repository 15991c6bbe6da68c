"""Events: a person opens one of the app's tabs, or someone uninstalls the app."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers.origin import sender_of
from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.event("app_home_opened")(partial(opened, services))
    app.event("app_uninstalled")(partial(uninstalled, services))
    app.event("tokens_revoked")(partial(revoked, services))


async def opened(
    services: Services, ack: AsyncAck, event: dict[str, Any], body: dict[str, Any]
) -> None:
    """Draw the home tab now and whenever it changes, or greet. The ack doesn't wait for it."""
    await ack()
    tab = event.get("tab", "home")
    if tab == "home":
        await services.homes.opened(event["user"], sender_of(body).team_id)
    elif tab == "messages":
        await services.homes.greet(event["user"])


async def uninstalled(services: Services, ack: AsyncAck) -> None:
    """Note that Slack takes nothing from the bot from now on."""
    services.installation.ended("the app was uninstalled")
    await ack()


async def revoked(services: Services, ack: AsyncAck, event: dict[str, Any]) -> None:
    """The same, if it's the bot's token and not a person's."""
    if (event.get("tokens") or {}).get("bot"):
        services.installation.ended("the bot token was revoked")
    await ack()
