"""What the operator's probes and Prometheus read."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.rds import faults as rds_faults
from bot.demo.slack import faults as slack_faults
from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import APPROVE, WITHDRAW
from tests.process.conftest import DEADLINE, Process, Runs, until_connected

QUICK = "[rds]\npoll_seconds = 0.1\ncalls_per_minute = 6000\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Operator:
    """Asks a running bot how it is."""

    world: OfflineWorld
    process: Process
    port: int
    session: aiohttp.ClientSession

    async def reads(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def is_told(self) -> tuple[int, dict[str, Any]]:
        """What /readyz says."""
        status, text = await self.reads("/readyz")
        return status, json.loads(text)

    async def metric(self, line: str) -> float:
        """The value of a metric, by the beginning of its line."""
        _, text = await self.reads("/metrics")
        return sum(
            float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(line)
        )


@pytest.fixture
async def operator(runs: Runs, world: OfflineWorld, tmp_path: Path) -> AsyncIterator[Operator]:
    config = tmp_path / "policy.toml"
    config.write_text(QUICK, "utf-8")
    port = free_port()
    environ = world.environ | {
        "HEALTH_PORT": str(port),
        "BACKUP_BOT_CONFIG": str(config),
        "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db",
    }
    region = world.region
    region.gateway.calls_per_minute = None
    instance = region.add_instance("quick", backup_takes=timedelta(hours=1))
    yesterday = region.clock.now() - timedelta(days=1)
    region.add_backup(instance, "nightly", began=yesterday, takes=timedelta(seconds=1))
    async with runs(environ) as process, aiohttp.ClientSession() as session:
        await until_connected(world)
        yield Operator(world, process, port, session)


async def test_all_is_well(operator: Operator) -> None:
    """It lives, it is ready, and says of each part that it is."""
    assert await operator.reads("/healthz") == (200, "ok\n")
    status, parts = await operator.is_told()

    assert status == 200
    assert parts == {
        "ready": True,
        "database": "ok",
        "slack": "ok",
        "slack_messages": "ok",
        "rds": "ok",
        "rds_share": "ok",
        "monitor": "ok",
        "oldest_untold_outcome": None,
    }


async def test_without_sockets_it_lives_and_is_not_ready(operator: Operator) -> None:
    """A load balancer has nothing to do with it, an operator has."""
    operator.world.workspace.sockets.refuse_tickets(1000)
    for open_socket in list(operator.world.workspace.sockets.open):
        await open_socket.disconnect("link_disabled")
    await operator.world.workspace.until(lambda: not operator.world.workspace.sockets.open)
    async with asyncio.timeout(DEADLINE):
        while (await operator.is_told())[0] == 200:
            pass
    status, parts = await operator.is_told()

    assert await operator.reads("/healthz") == (200, "ok\n")
    assert (status, parts["slack"]) == (503, "it can't reach the bot")


async def test_expired_keys_are_named_and_the_bot_stays_ready(operator: Operator) -> None:
    """It still answers people, and goes on when the keys are renewed."""
    operator.world.region.faults.always(rds_faults.refused(401, "APIGW.0301"))
    await operator.world.workspace.command(ANA, OPS, "/backup", "create orders-prod before-1")
    async with asyncio.timeout(DEADLINE):
        while (await operator.is_told())[1]["rds"] == "ok":
            pass
    status, parts = await operator.is_told()

    assert (status, parts["rds"]) == (200, "APIGW.0301")


async def test_an_outcome_that_slack_does_not_take_is_named(operator: Operator) -> None:
    """With the request and Slack's code, until Slack takes it; the bot stays ready."""
    workspace = operator.world.workspace
    await workspace.command(ANA, OPS, "/backup", "create quick before-1")
    (card,) = await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
    workspace.faults.always(slack_faults.refused("fatal_error"), "chat.postMessage")
    await workspace.click(ANA, card.ts, WITHDRAW)
    async with asyncio.timeout(DEADLINE):
        while not _error(await operator.is_told()):
            pass
    status, parts = await operator.is_told()
    untold = parts["oldest_untold_outcome"]

    assert (status, parts["slack_messages"]) == (200, "fatal_error")
    assert (untold["backup"], untold["error"]) == ("quick/before-1", "fatal_error")
    assert await operator.metric('backup_bot_outbox_depth{line="ended"}') == 1
    assert await operator.metric('backup_bot_outbox_oldest_seconds{line="ended"}') > 0
    workspace.faults.clear()
    async with asyncio.timeout(DEADLINE):
        while (await operator.is_told())[1]["oldest_untold_outcome"]:
            pass


def _error(told: tuple[int, dict[str, Any]]) -> str | None:
    untold = told[1]["oldest_untold_outcome"]
    return untold["error"] if untold else None


async def test_one_backup_shows_in_the_metrics(operator: Operator) -> None:
    """Requests by state and rule, decisions, calls, messages, acks."""
    workspace, region = operator.world.workspace, operator.world.region
    await workspace.command(ANA, OPS, "/backup", "create quick before-1")
    (card,) = await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
    await workspace.click(BEN, card.ts, APPROVE)
    while not (made := [b for b in region.backups if b.name == "before-1"]):
        await region.changed()
    region.end_backup(made[0])
    await workspace.until(lambda: "is backed up" in workspace.read(card), DEADLINE)
    completed = 'backup_bot_requests{rule="the default policy",state="completed"}'
    async with asyncio.timeout(DEADLINE):
        while not await operator.metric(completed):
            pass

    assert await operator.metric("backup_bot_ack_seconds_count") == 2
    assert await operator.metric('backup_bot_decision_seconds_count{choice="approve"}') == 1
    assert await operator.metric('backup_bot_backup_seconds_count{state="completed"}') == 1
    created = 'outcome="ok",priority="create",project="ap-southeast-1"'
    assert await operator.metric(f"backup_bot_rds_calls_total{{{created}}}") == 1
    assert await operator.metric('backup_bot_slack_messages_total{outcome="ok"}') >= 4
    async with asyncio.timeout(DEADLINE):
        while await operator.metric("backup_bot_outbox_depth"):
            pass
    assert await operator.metric("backup_bot_adoptions_total") == 0


async def test_a_port_that_is_taken_is_said(runs: Runs, world: OfflineWorld) -> None:
    """With the name of the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environ = world.environ | {"HEALTH_PORT": str(port)}
        async with runs(environ) as process:
            assert await process.exits() == 2
            assert f"HEALTH_PORT={port}: can't listen" in process.err
