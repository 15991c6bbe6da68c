"""Two supervised sockets, against a Slack that drops, refuses, renews and silently kills them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck
from slack_bolt.authorization import AuthorizeResult

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.workspace import Workspace
from bot.domain.errors import SettingsError
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.slack.transport.bolt import bolt_app
from bot.slack.transport.sockets import Pace, SocketFront
from bot.slack.transport.web_client import SlackClient

ANA, OPS = "U0ANA", "C0OPS"
HASTE = Pace(look=0.02, ping=0.3, fresh_url=0.1, rebuild=0.5)  # dead after four pings
URLS = "apps.connections.open"


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """Slack, with Ana in it."""
    workspace = Workspace(Clock(), bot_token="xoxb", app_token="xapp", signing_secret="secret")
    workspace.add_user(ANA, "ana")
    workspace.add_channel(OPS, "ops", [ANA])
    async with SlackServer(workspace):
        yield workspace


async def _ack(ack: AsyncAck) -> None:
    await ack("Here.")


@pytest.fixture
async def front(workspace: Workspace) -> AsyncIterator[SocketFront]:
    """An app that acks, behind two sockets that are looked after in great haste."""
    session = aiohttp.ClientSession()
    client = SlackClient("xoxb", base_url=f"{workspace.base_url}/api/", session=session)
    app = bolt_app(client, AuthorizeResult(enterprise_id=None, team_id="T"), InFlight())
    app.command("/backup")(_ack)
    front = SocketFront(app, "xapp", HASTE)
    running = asyncio.create_task(front.run())
    yield front
    await front.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await session.close()


def _alive(workspace: Workspace) -> int:
    sockets = workspace.sockets.open
    return sum(not (socket.is_silent or socket.is_leaving) for socket in sockets)


async def _until_well(workspace: Workspace) -> None:
    """Both sockets stand, no dead one is left, and commands are answered on either.

    Slack asks twice for a renewal, and the second one may come between: then all over again.
    """
    answered = 0
    async with asyncio.timeout(20):
        while answered < 4:
            await workspace.until(
                lambda: _alive(workspace) == len(workspace.sockets.open) == 2, 10
            )
            reply = await workspace.command(ANA, OPS, "/backup")
            answered = answered + 1 if reply.error is None else 0


async def _dropped(workspace: Workspace) -> None:
    workspace.sockets.drop_all()


async def _dropped_and_its_urls_refused(workspace: Workspace) -> None:
    workspace.sockets.refuse_tickets(4)
    workspace.sockets.drop_all()


async def _dropped_in_an_outage(workspace: Workspace) -> None:
    workspace.faults.next(URLS, *[slack_faults.ERROR, slack_faults.DROPPED] * 3)
    workspace.sockets.drop_all()


async def _dropped_amid_garbage(workspace: Workspace) -> None:
    workspace.faults.next(URLS, *slack_faults.GARBAGE)
    workspace.sockets.drop_all()


async def _renewed_amid_garbage(workspace: Workspace) -> None:
    workspace.faults.next(URLS, *slack_faults.GARBAGE)
    await workspace.sockets.refresh()
    workspace.sockets.drop_all()  # Slack does not wait for ever


async def _silently_dead(workspace: Workspace) -> None:
    workspace.sockets.kill_silently()


async def _renewed(workspace: Workspace) -> None:
    await workspace.sockets.refresh()


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize(
    "mishap",
    [
        _dropped,
        _dropped_and_its_urls_refused,
        _dropped_in_an_outage,
        _dropped_amid_garbage,
        _renewed_amid_garbage,
        _silently_dead,
        _renewed,
    ],
)
async def test_commands_are_answered_again_after_a_mishap(
    workspace: Workspace, mishap: Callable[[Workspace], Awaitable[None]]
) -> None:
    """Whatever became of the sockets, two stand in the end."""
    await _until_well(workspace)
    before = set(workspace.sockets.open)
    await mishap(workspace)
    await workspace.until(lambda: not before & set(workspace.sockets.open), 10)

    await _until_well(workspace)


@pytest.mark.usefixtures("front")
async def test_first_urls_that_are_refused_are_not_dialled_for_ever(workspace: Workspace) -> None:
    """A URL serves once; a fresh one is asked for."""
    workspace.sockets.refuse_tickets(4)

    await _until_well(workspace)


async def test_it_is_connected_once_a_socket_is_open(
    front: SocketFront, workspace: Workspace
) -> None:
    """Not before: until then Slack has nowhere to deliver to."""
    workspace.faults.next(URLS, slack_faults.ERROR, slack_faults.ERROR)
    await front.connected

    assert workspace.sockets.open


async def test_no_connection_is_opened_after_it_was_closed(
    front: SocketFront, workspace: Workspace
) -> None:
    """Slack's URL for it may come only then."""
    workspace.faults.always(slack_faults.slow(0.2), URLS)
    await asyncio.sleep(0.1)
    await front.close()
    await asyncio.sleep(0.5)

    assert not workspace.sockets.open
    assert front.connections == 0


async def test_its_open_connections_are_counted(front: SocketFront, workspace: Workspace) -> None:
    """For the metric."""
    assert front.connections == 0

    await _until_well(workspace)

    assert front.connections == 2


async def test_a_refused_token_is_an_error_of_the_settings(
    front: SocketFront, workspace: Workspace
) -> None:
    """No waiting mends it."""
    workspace.app_token = "xapp-another"

    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN"):
        await front.connected


async def test_a_dead_socket_does_not_hold_up_the_end(
    front: SocketFront, workspace: Workspace
) -> None:
    """It never says goodbye, and nobody waits for that."""
    await _until_well(workspace)
    workspace.sockets.kill_silently()

    async with asyncio.timeout(5):
        await front.close()
