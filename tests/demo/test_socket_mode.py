"""Socket Mode as slack_bolt's own client meets it, in good times and bad."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Content
from bot.demo.slack.socket_mode import Socket
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import ANA, CARD, OPS, connected, small_workspace, web_client

DEADLINE = 0.03  # seconds that people wait for an ack here


@pytest.fixture
def workspace() -> Workspace:
    return small_workspace()


@pytest.fixture
async def api_url(workspace: Workspace) -> AsyncIterator[str]:
    async with SlackServer(workspace) as server:
        yield server.api_url


@pytest.fixture
async def ticket(workspace: Workspace, api_url: str) -> str:
    """An address for one connection."""
    async with web_client(workspace, api_url) as slack:
        answer = await slack.apps_connections_open(app_token=workspace.app_token)
        return str(answer["url"])


async def replaced(workspace: Workspace, old: Socket) -> None:
    """Wait until another connection stands in the old one's place."""
    sockets = workspace.sockets
    await workspace.until(lambda: sockets.open and old not in sockets.open)


async def test_hello_and_one_ticket_for_one_connection(ticket: str) -> None:
    """A connection begins with hello; its ticket opens no other one."""
    async with aiohttp.ClientSession() as http, http.ws_connect(ticket) as socket:
        hello = await socket.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(ticket)

    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["debug_info"]["approximate_connection_time"] > 0


async def test_each_envelope_goes_to_one_connection(workspace: Workspace, api_url: str) -> None:
    """In turn; the ack of each is on record, with its time."""
    async with connected(workspace, api_url, sockets=2):
        for _ in range(4):
            await workspace.command(ANA, OPS, "/backup", "help")
        shares = [socket.delivered for socket in workspace.sockets.open]

    assert shares == [2, 2]
    assert len(workspace.deliveries) == 4
    assert all(delivery.acked_after for delivery in workspace.deliveries)


async def test_nobody_is_connected(workspace: Workspace, api_url: str) -> None:
    """Slack tells the person, and the app never hears of it."""
    reply = await workspace.command(ANA, OPS, "/backup", "help")

    assert api_url
    assert (reply.error, reply.acked_after, reply.message) == ("dispatch_failed", None, None)


async def test_no_ack_in_time(workspace: Workspace, ticket: str) -> None:
    """The person reads operation_timeout, and a late ack shows nothing."""
    workspace.ack_within = DEADLINE
    async with aiohttp.ClientSession() as http, http.ws_connect(ticket) as socket:
        await socket.receive_json()
        reply = await workspace.command(ANA, OPS, "/backup", "help")
        envelope = await socket.receive_json()
        late = {"envelope_id": envelope["envelope_id"], "payload": {"text": "late"}}
        await socket.send_str(json.dumps(late))
        await workspace.until(lambda: workspace.deliveries[0].acked_after)

    assert (reply.error, reply.acked_after) == ("operation_timeout", None)
    assert envelope["accepts_response_payload"] is True
    assert workspace.ephemerals(ANA) == []


async def test_redelivery(workspace: Workspace, ticket: str) -> None:
    """If switched on, an envelope without an ack comes again and says that it does."""
    workspace.ack_within = DEADLINE
    workspace.sockets.redeliveries = 1
    async with aiohttp.ClientSession() as http, http.ws_connect(ticket) as socket:
        await socket.receive_json()
        reply = await workspace.command(ANA, OPS, "/backup", "help")
        first, second = await socket.receive_json(), await socket.receive_json()

    assert reply.error == "operation_timeout"
    assert "retry_attempt" not in first
    assert second == {**first, "retry_attempt": 1, "retry_reason": "timeout"}


async def test_refresh(workspace: Workspace, api_url: str) -> None:
    """Asked to, the client connects anew, and commands go to the new connection."""
    async with connected(workspace, api_url):
        old = workspace.sockets.open[0]
        await workspace.sockets.refresh()
        await replaced(workspace, old)
        reply = await workspace.command(ANA, OPS, "/backup", "help")

    assert reply.error is None


async def test_dropped(workspace: Workspace, api_url: str) -> None:
    """The client notices by itself, and connects anew."""
    async with connected(workspace, api_url):
        old = workspace.sockets.open[0]
        workspace.sockets.drop_all()
        await replaced(workspace, old)
        reply = await workspace.command(ANA, OPS, "/backup", "help")

    assert reply.error is None


async def test_dead_and_silent(workspace: Workspace, api_url: str) -> None:
    """Slack still delivers there, in vain, until the client misses its pong."""
    workspace.ack_within = DEADLINE
    async with connected(workspace, api_url):
        old = workspace.sockets.open[0]
        workspace.sockets.kill_silently()
        reply = await workspace.command(ANA, OPS, "/backup", "help")
        await replaced(workspace, old)

    assert reply.error == "operation_timeout"


async def test_refused_tickets(workspace: Workspace, ticket: str) -> None:
    """A ticket that was refused is spent."""
    workspace.sockets.refuse_tickets(1)
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(ticket)

    assert workspace.sockets.open == []


@pytest.mark.parametrize(
    ("ack", "error", "channel", "alone"),
    [
        ({"text": "x" * 4000}, "invalid_command_response", [], []),
        ({"response_type": "in_channel"}, None, ["/backup x"], []),
        ({"response_type": "in_channel", "text": "all"}, None, ["/backup x", "all"], []),
        ({"text": "you"}, None, [], ["you"]),
        ({}, None, [], []),
    ],
)
async def test_what_an_ack_shows(
    workspace: Workspace,
    ticket: str,
    ack: dict[str, str],
    error: str | None,
    channel: list[str],
    alone: list[str],
) -> None:
    """Its message is ephemeral unless it says otherwise; a bad one is the person's error."""
    async with aiohttp.ClientSession() as http, http.ws_connect(ticket) as socket:
        await socket.receive_json()
        typing = asyncio.create_task(workspace.command(ANA, OPS, "/backup", "x"))
        envelope = await socket.receive_json()
        await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"], "payload": ack}))
        reply = await typing

    assert reply.error == error
    assert [message.text for message in workspace.messages(OPS)] == channel
    assert [message.text for message in workspace.ephemerals(ANA)] == alone


async def test_the_ack_of_a_click_is_empty(workspace: Workspace, ticket: str) -> None:
    """Slack shows nothing of it, so whoever fills it errs."""
    card = workspace.history.post(OPS, "U0BOT", Content("Back up?", CARD))
    async with aiohttp.ClientSession() as http, http.ws_connect(ticket) as socket:
        await socket.receive_json()
        clicking = asyncio.create_task(workspace.click(ANA, card.ts, "approve"))
        envelope = await socket.receive_json()
        ack = {"envelope_id": envelope["envelope_id"], "payload": {"text": "thanks"}}
        await socket.send_str(json.dumps(ack))
        reply = await clicking

    assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", False)
    assert reply.error is None
    assert len(workspace.violations) == 1
