"""Shortcuts, and people and places to which the bot does not belong."""

from collections.abc import AsyncIterator

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Json
from bot.demo.slack.screens import NoSuchButton
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import (
    ANA,
    BEN,
    CARD,
    LAB,
    OPS,
    SECRET,
    error_of,
    small_workspace,
    web_client,
)

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": []}
EVE, THEIRS, PRIVATE = "U0EVE", "T0OTHER", "D0ANABEN"


@pytest.fixture
def workspace() -> Workspace:
    workspace = small_workspace()
    workspace.add_user(EVE, "eve", team_id=THEIRS)
    workspace.channels[OPS].members.add(EVE)
    workspace.add_direct_message(PRIVATE, [BEN, ANA])
    return workspace


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    """The bot's client; whatever the app hears of it acks, and opens a modal for a shortcut."""
    async with SlackServer(workspace) as server, web_client(workspace, server.api_url) as client:
        bolt = AsyncApp(client=client, signing_secret=workspace.signing_secret)

        @bolt.shortcut("ask")
        async def shortcut(ack: AsyncAck, body: Json) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @bolt.command("/backup")
        @bolt.action("approve")
        async def acked(ack: AsyncAck) -> None:
            await ack()

        handler = AsyncSocketModeHandler(bolt, workspace.app_token)
        await handler.connect_async()
        await workspace.until(lambda: workspace.sockets.open)
        yield client
        await handler.close_async()


def sent(workspace: Workspace) -> Json:
    """What Slack sent last."""
    return workspace.deliveries[-1].payload


@pytest.mark.usefixtures("slack")
async def test_a_global_shortcut(workspace: Workspace) -> None:
    """It has a trigger, and neither a channel nor anywhere to answer."""
    reply = await workspace.global_shortcut(ANA, "ask")
    await workspace.until(lambda: workspace.modal(ANA))

    payload = sent(workspace)
    assert reply.error is None
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "ask")
    assert payload["user"]["id"] == ANA
    assert payload.keys().isdisjoint({"channel", "response_url", "message"})
    assert "commands" in workspace.scopes_used


@pytest.mark.usefixtures("slack")
async def test_a_shortcut_on_a_message(workspace: Workspace) -> None:
    """It comes with the message, also one from another workspace, and takes answers."""
    message = workspace.say(EVE, OPS, "please back up orders")
    await workspace.message_shortcut(ANA, message.ts, "ask")
    await workspace.until(lambda: workspace.modal(ANA))

    payload = sent(workspace)
    assert (payload["type"], payload["callback_id"]) == ("message_action", "ask")
    assert payload["channel"] == {"id": OPS, "name": "ops"}
    assert payload["message_ts"] == payload["message"]["ts"] == message.ts
    assert payload["message"]["text"] == "please back up orders"
    assert payload["message"]["user_team"] == THEIRS
    assert payload["response_url"].startswith(workspace.base_url)


async def test_an_ephemeral_message_has_no_shortcuts(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """Its menu does not offer them."""
    seen = await slack.chat_postEphemeral(channel=OPS, user=ANA, text="You?")

    with pytest.raises(NoSuchButton):
        await workspace.message_shortcut(ANA, seen["message_ts"], "ask")


async def test_somebody_from_another_workspace(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """Their commands and clicks bear their own team."""
    await workspace.command(EVE, OPS, "/backup", "help")
    assert sent(workspace)["team_id"] == THEIRS
    card = await slack.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
    await workspace.click(EVE, card["ts"], "approve")

    assert sent(workspace)["user"]["team_id"] == THEIRS
    assert sent(workspace)["team"]["id"] == "T0DEMO"


async def test_where_the_bot_is_not(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Commands arrive from there, but nothing can be posted, except through the response_url."""
    for channel, name in ((PRIVATE, "directmessage"), (SECRET, "privategroup")):
        reply = await workspace.command(ANA, channel, "/backup", "help")
        assert reply.error is None
        assert sent(workspace)["channel_name"] == name
        assert await error_of(slack.chat_postMessage(channel=channel, text="hi")) == (
            "channel_not_found"
        )
    assert workspace.render(PRIVATE) == "@ana, ben"
    workspace.scopes.discard("chat:write.public")
    assert await error_of(slack.chat_postMessage(channel=LAB, text="hi")) == "not_in_channel"


async def test_the_address_of_a_reply(workspace: Workspace, slack: AsyncWebClient) -> None:
    """It names the thread; where the bot sees nothing, there is no address."""
    top = await slack.chat_postMessage(channel=OPS, text="here")
    reply = await slack.chat_postMessage(channel=OPS, text="there", thread_ts=top["ts"])
    link = await slack.chat_getPermalink(channel=OPS, message_ts=reply["ts"])
    unseen = workspace.say(ANA, SECRET, "psst")

    assert link["permalink"] == (
        f"https://demo.slack.com/archives/{OPS}/p{reply['ts'].replace('.', '')}"
        f"?thread_ts={top['ts']}&cid={OPS}"
    )
    assert await error_of(slack.chat_getPermalink(channel=SECRET, message_ts=unseen.ts)) == (
        "channel_not_found"
    )
