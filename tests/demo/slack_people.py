"""A small workspace and the clients that meet it: the real slack_sdk and slack_bolt."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.records import Json
from bot.demo.slack.workspace import Workspace
from tests.stepped_clock import SteppedClock

OPS, SECRET, LAB, OLD = "C0OPS", "C0SECRET", "C0LAB", "C0OLD"
ANA, BEN, ZOE = "U0ANA", "U0BEN", "U0ZOE"
DBAS = "S0DBA"
TEXT = {"type": "plain_text", "text": "Approve"}
APPROVE: Json = {"type": "button", "action_id": "approve", "text": TEXT, "value": "r1"}
CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Back up *orders*?"}},
    {"type": "actions", "block_id": "decide", "elements": [APPROVE]},
]


def button(action_id: str, value: str) -> Json:
    """A button that says its action id."""
    text = {"type": "plain_text", "text": action_id.capitalize()}
    return {"type": "button", "action_id": action_id, "text": text, "value": value}


def option(value: str, text: str = "") -> Json:
    """An option of a menu."""
    shown = text or value[:75].capitalize()
    return {"text": {"type": "plain_text", "text": shown}, "value": value}


def small_workspace() -> Workspace:
    """Ana and Ben in #ops with the bot; #lab is open, #secret closed to it; Zoe has left."""
    workspace = Workspace(SteppedClock(), "xoxb-test", "xapp-test", "shh")
    bot = workspace.identity.bot_user_id
    workspace.add_user(ANA, "ana")
    workspace.add_user(BEN, "ben")
    workspace.add_user(ZOE, "zoe", deleted=True)
    workspace.add_channel(OPS, "ops", [ANA, BEN, bot])
    workspace.add_channel(LAB, "lab", [ANA])
    workspace.add_channel(SECRET, "secret", [ANA], private=True)
    workspace.add_channel(OLD, "old", [ANA, bot], archived=True)
    workspace.add_usergroup(DBAS, "dba", [BEN])
    return workspace


def advance(workspace: Workspace, **span: float) -> None:
    """Let time pass."""
    assert isinstance(workspace.clock, SteppedClock)
    workspace.clock.advance(**span)


@asynccontextmanager
async def web_client(workspace: Workspace, api_url: str) -> AsyncIterator[AsyncWebClient]:
    """A client that retries nothing."""
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=workspace.bot_token, base_url=api_url, session=session, retry_handlers=[]
        )


async def error_of(call: Any) -> str:
    """Slack's error code for the call, which must not succeed."""
    try:
        await call
    except SlackApiError as error:
        return str(error.response["error"])
    raise AssertionError("Slack carried it out")


def bolt_app(workspace: Workspace, client: AsyncWebClient) -> AsyncApp:
    """An app that notes commands, and answers clicks on Approve."""
    app = AsyncApp(client=client, signing_secret=workspace.signing_secret)

    @app.command("/backup")
    async def backup(ack: AsyncAck, command: dict[str, Any]) -> None:
        await ack(text=f"Noted: {command['text']}")

    @app.action("approve")
    async def approve(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await ack()
        await respond(f"Thanks, {body['user']['name']}.", replace_original=False)

    return app


@asynccontextmanager
async def connected(
    workspace: Workspace, api_url: str, *, sockets: int = 1, ping_interval: float = 0.05
) -> AsyncIterator[list[AsyncSocketModeHandler]]:
    """The app over Socket Mode, on this many connections."""
    async with web_client(workspace, api_url) as client:
        app = bolt_app(workspace, client)
        handlers = [
            AsyncSocketModeHandler(app, workspace.app_token, ping_interval=ping_interval)
            for _ in range(sockets)
        ]
        for handler in handlers:
            await handler.connect_async()
        try:
            yield handlers
        finally:
            for handler in handlers:
                await handler.close_async()
