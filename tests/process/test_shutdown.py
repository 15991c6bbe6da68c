"""Told to stop, the bot ends in order: code 0, and whatever it waits for, not for long."""

import asyncio
import sqlite3
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from bot import app
from bot.demo.rds import faults as rds_faults
from bot.demo.slack import faults as slack_faults
from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import APPROVE
from bot.slack.transport import http, sockets
from tests.many_people import somebody
from tests.process.conftest import DEADLINE, Process, Runs, stopped, until_connected

STOPS_WITHIN = 10.0  # seconds, as promised
NOBODY = "http://127.0.0.1:1/api/"  # a port on which nobody listens


async def _ends_well(process: Process, signal: Signals = SIGTERM) -> None:
    assert await stopped(process, signal) == 0
    assert process.out == ""
    assert "Traceback" not in process.err


def test_all_that_it_waits_for_fits_into_the_time_it_has() -> None:
    """What waits beyond its time is cut off, so these are the longest that an end can take."""
    assert app.TO_ANSWER + app.TO_FINISH + max(sockets.TO_CLOSE, http.TO_CLOSE) < STOPS_WITHIN


@pytest.mark.parametrize("signal", [SIGTERM, SIGINT])
async def test_it_stops_while_a_request_waits(
    runs: Runs, world: OfflineWorld, signal: Signals
) -> None:
    """A card is up and nobody has clicked: it is still there after the next start."""
    async with runs(world.environ) as process:
        await until_connected(world)
        await world.workspace.command(ANA, OPS, "/backup", "create dev-sandbox waits-1")
        await world.workspace.until(lambda: world.workspace.messages(OPS), DEADLINE)

        await _ends_well(process, signal)


async def test_it_stops_while_slack_is_away(runs: Runs, world: OfflineWorld) -> None:
    """Nobody answers at Slack's address from the start on."""
    async with runs(world.environ | {"SLACK_API_URL": NOBODY}) as process:
        await process.until_logged("slack_unreachable")

        await _ends_well(process)


async def test_it_stops_while_slack_is_down(runs: Runs, world: OfflineWorld) -> None:
    """Slack answers, but only with errors."""
    world.workspace.faults.always(slack_faults.ERROR, "auth.test")
    async with runs(world.environ) as process:
        await world.workspace.until(lambda: world.workspace.calls, DEADLINE)

        await _ends_well(process)


async def test_it_stops_while_no_socket_is_connected(runs: Runs, world: OfflineWorld) -> None:
    """Every connection is refused; the one-time URLs stay out of the log."""
    world.workspace.sockets.refuse_tickets(100)
    async with runs(world.environ) as process:
        tickets = "apps.connections.open"
        await world.workspace.until(
            lambda: sum(call.method == tickets for call in world.workspace.calls) == 2, DEADLINE
        )

        await _ends_well(process)

    assert "ticket" not in process.err


async def test_it_stops_while_both_sockets_are_dead(runs: Runs, world: OfflineWorld) -> None:
    """They look open and never say goodbye."""
    async with runs(world.environ) as process:
        await until_connected(world)
        world.workspace.sockets.kill_silently()

        await _ends_well(process)


async def test_it_stops_while_rds_lets_a_create_hang_and_both_sockets_are_dead(
    runs: Runs, world: OfflineWorld
) -> None:
    """The call under way gets its time, but not all of the time that it would take."""
    workspace = world.workspace
    world.region.faults.next_create(rds_faults.slow(600))
    async with runs(world.environ) as process:
        await until_connected(world)
        await workspace.command(ANA, OPS, "/backup", "create dev-sandbox hangs-1")
        await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
        await workspace.click(BEN, workspace.messages(OPS)[0].ts, APPROVE)
        while not any(call.method == "POST" for call in world.region.calls):
            await world.region.changed()
        workspace.sockets.kill_silently()

        await _ends_well(process)


async def test_it_stops_amid_a_crowd_and_what_it_acked_is_on_disk(
    runs: Runs, world: OfflineWorld, tmp_path: Path
) -> None:
    """A hundred commands at once, and the signal as soon as the first one is acked."""
    async with runs(world.environ) as process:
        await until_connected(world)
        texts = [f"create dev-sandbox crowd-{number}" for number in range(100)]
        asking = [
            asyncio.create_task(
                world.workspace.command(somebody(world.workspace, number), OPS, "/backup", text)
            )
            for number, text in enumerate(texts)
        ]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)

        await _ends_well(process)
        acked = sum(reply.error is None for reply in await asyncio.gather(*asking))

    with sqlite3.connect(tmp_path / "empty" / "backup-bot.db") as database:
        (stored,) = database.execute("SELECT count(*) FROM request").fetchone()
    database.close()
    assert 0 < acked <= stored
