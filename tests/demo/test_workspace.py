"""What people do in the simulated workspace, and how a test waits for what comes of it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.slack.api import SlackServer
from bot.demo.slack.screens import NoSuchButton
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import (
    ANA,
    BEN,
    CARD,
    OPS,
    SECRET,
    advance,
    connected,
    small_workspace,
    web_client,
)


@pytest.fixture
def workspace() -> Workspace:
    return small_workspace()


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    """The bot's client; the app is connected on two sockets."""
    async with (
        SlackServer(workspace) as server,
        connected(workspace, server.api_url, sockets=2),
        web_client(workspace, server.api_url) as client,
    ):
        yield client


async def posted(workspace: Workspace, url: str, **body: object) -> tuple[int, str]:
    """Answer through a response_url, as slack_sdk does; the status and the body of Slack's."""
    async with aiohttp.ClientSession() as session:
        answer = await AsyncWebhookClient(url, session=session).send_dict(body)
    assert workspace.calls[-1].method == "response_url"
    return answer.status_code, answer.body


async def test_a_command(workspace: Workspace, slack: AsyncWebClient) -> None:
    """The app gets every field that Slack sends, and only the one who typed sees its ack."""
    reply = await workspace.command(ANA, OPS, "/backup", "create orders")

    assert reply.message == workspace.ephemerals(ANA)[0]
    assert reply.message.text == "Noted: create orders"
    assert reply.acked_after is not None
    assert 0 < reply.acked_after < 1
    assert slack.token == workspace.bot_token
    payload = workspace.deliveries[0].payload
    assert payload.keys() == {
        "token",
        "team_id",
        "team_domain",
        "channel_id",
        "channel_name",
        "user_id",
        "user_name",
        "command",
        "text",
        "api_app_id",
        "is_enterprise_install",
        "response_url",
        "trigger_id",
    }
    assert all(isinstance(value, str) for value in payload.values())


async def test_a_private_channel_has_no_name(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Slack calls it privategroup in payloads; the bot need not be in it to answer."""
    reply = await workspace.command(ANA, SECRET, "/backup", "help")

    assert slack.token == workspace.bot_token
    assert workspace.deliveries[0].payload["channel_name"] == "privategroup"
    assert reply.message is not None
    assert reply.message.channel_id == SECRET


async def test_a_click(workspace: Workspace, slack: AsyncWebClient) -> None:
    """The app gets who clicked what where, and answers them alone."""
    card = await slack.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
    reply = await workspace.click(BEN, card["ts"], "approve")
    (answer,) = await workspace.until(lambda: workspace.ephemerals(BEN))

    assert (reply.error, reply.message, answer.text) == (None, None, "Thanks, ben.")
    payload = workspace.deliveries[0].payload
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == (
        "approve",
        "decide",
        "r1",
    )
    assert payload["container"] == {
        "type": "message",
        "message_ts": card["ts"],
        "channel_id": OPS,
        "is_ephemeral": False,
    }
    assert payload["user"]["team_id"] == payload["team"]["id"] == "T0DEMO"
    assert payload["message"]["blocks"][1]["block_id"] == "decide"


async def test_a_button_that_is_gone(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Nobody can click it, except on a screen that has not seen the edit yet."""
    card = await slack.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
    await slack.chat_update(channel=OPS, ts=card["ts"], text="Approved", blocks=[])

    with pytest.raises(NoSuchButton):
        await workspace.click(BEN, card["ts"], "approve")
    assert workspace.deliveries == []
    reply = await workspace.click(BEN, card["ts"], "approve", stale=True)
    assert reply.error is None
    assert workspace.deliveries[0].payload["actions"][0]["value"] == "r1"


async def test_delivered_twice(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Both copies are the same to the last field; people see one ack."""
    await workspace.command(ANA, OPS, "/backup", "help", deliver_twice=True)

    first, second = workspace.deliveries
    assert slack.token == workspace.bot_token
    assert first.payload == second.payload
    assert first.acked.is_set()
    assert second.acked.is_set()
    assert len(workspace.ephemerals(ANA)) == 1


async def test_a_response_url_takes_five_answers(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """Ephemeral unless they say otherwise, and no more than five."""
    await workspace.command(ANA, OPS, "/backup", "help")
    url = workspace.deliveries[0].payload["response_url"]

    assert slack.token == workspace.bot_token
    for number in range(4):
        assert (await posted(workspace, url, text=f"{number}"))[0] == 200
    assert (await posted(workspace, url, text="all", response_type="in_channel"))[0] == 200
    assert await posted(workspace, url, text="six") == (404, '{"ok": false, "error": "used_url"}')
    assert [message.text for message in workspace.messages(OPS)] == ["all"]
    assert len(workspace.ephemerals(ANA)) == 5


async def test_a_response_url_lives_for_half_an_hour(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """By the clock."""
    await workspace.command(ANA, OPS, "/backup", "help")
    url = workspace.deliveries[0].payload["response_url"]
    advance(workspace, minutes=30)

    assert slack.token == workspace.bot_token
    assert (await posted(workspace, url, text="late"))[0] == 404


async def test_a_response_url_changes_what_was_clicked(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """The message can be replaced and deleted; what has a bad form is refused."""
    card = await slack.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
    await workspace.click(BEN, card["ts"], "approve")
    url = workspace.deliveries[0].payload["response_url"]

    assert (await posted(workspace, url, replace_original=True, text="Done"))[0] == 200
    assert [message.text for message in workspace.messages(OPS)] == ["Done"]
    assert (await posted(workspace, url, text=""))[0] == 400
    assert len(workspace.violations) == 1
    assert (await posted(workspace, url, delete_original=True))[0] == 200
    assert workspace.messages(OPS) == []
    assert (await posted(workspace, url, delete_original=True))[0] == 400


async def test_an_ephemeral_can_be_clicked_by_its_reader_alone(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """The payload says that it is one, and holds no message."""
    seen = await slack.chat_postEphemeral(channel=OPS, user=ANA, text="You?", blocks=CARD)
    with pytest.raises(NoSuchButton):
        await workspace.click(BEN, seen["message_ts"], "approve")
    await workspace.click(ANA, seen["message_ts"], "approve")

    payload = workspace.deliveries[0].payload
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_until_wakes_at_a_change(workspace: Workspace) -> None:
    """It returns what it waited for as soon as it is there."""

    async def later() -> None:
        await asyncio.sleep(0)
        workspace.say(ANA, OPS, "hello")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(later())
        (message,) = await workspace.until(lambda: workspace.messages(OPS))

    assert message.text == "hello"


async def test_until_shows_what_there_is_instead(workspace: Workspace) -> None:
    """Its failure reads like the channel."""
    workspace.say(ANA, OPS, "hello, <@U0BEN>")

    with pytest.raises(AssertionError, match=r"#ops\n\[14:00\] ana:\n  hello, @ben"):
        await workspace.until(lambda: workspace.thread(OPS, "1.1"), timeout=0.01)
