"""The operator's addresses, beside a database that hangs and whoever asks too often."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from bot.domain.observations import Pulse
from bot.domain.outbox import OwedMessage, Urgency
from bot.runtime import health
from bot.runtime.clock import Clock
from bot.runtime.health import Health, HealthServer
from bot.runtime.installation import Installation


class Database:
    """Counts how often it is asked, and hangs if it is told to."""

    def __init__(self) -> None:
        self.probed = 0
        self.hangs = False
        self.owes: list[OwedMessage] = []

    async def probe(self) -> None:
        self.probed += 1
        if self.hangs:
            await asyncio.Event().wait()

    async def owed(self, *, least: Urgency, limit: int) -> Sequence[OwedMessage]:
        return [message for message in self.owes if message.urgency <= least][:limit]

    async def owed_by_line(self) -> list[tuple[str, int, datetime]]:
        return [(message.line, 1, message.created_at) for message in self.owes]

    async def counts(self) -> list[tuple[str, str, int]]:
        await self.probe()
        return [("running", "rule 1", 7)]


class Operator:
    """Asks by HTTP, from this machine."""

    def __init__(self, database: Database, port: int, session: aiohttp.ClientSession) -> None:
        self.database = database
        self._port = port
        self._session = session

    async def reads(self, path: str, method: str = "GET") -> tuple[int, str]:
        url = f"http://127.0.0.1:{self._port}{path}"
        async with self._session.request(method, url) as answer:
            return answer.status, await answer.text()


class Watched:
    """One watched instance, with an open incident."""

    async def pulses(self) -> list[Pulse]:
        now = datetime.now(UTC)
        ages = {"since": now, "read_at": now - timedelta(minutes=5)}
        pulse = Pulse(instance_id="in1", name="orders-prod", **ages)
        return [pulse.model_copy(update={"last_good_at": now - timedelta(hours=9)})]

    async def open_by_kind(self) -> dict[str, int]:
        return {"stale": 1}


WATCHED = Watched()
ONE: Any = SimpleNamespace(parts=dict)  # there is one project, which has no part of its own


@pytest.fixture
async def operator(unused_port: int) -> AsyncIterator[Operator]:
    database: Any = Database()
    parts: Any = SimpleNamespace(trouble=None, queued=0, share=None)
    front: Any = SimpleNamespace(silent_for=lambda: 0.0, connections=2)
    looks = Health(database, parts, parts, front, Clock(), parts, WATCHED, Installation(), ONE)
    server = HealthServer(looks, "127.0.0.1", unused_port)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Operator(database, unused_port, session)
    await server.close()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def test_cloud_eye_is_shown_only_if_it_is_enabled() -> None:
    """Whatever it says, the bot is ready."""
    database: Any = Database()
    parts: Any = SimpleNamespace(trouble=None, queued=0, share=None)
    front: Any = SimpleNamespace(silent_for=lambda: 0.0, connections=2)
    shown = []
    for eye in (
        None,
        SimpleNamespace(trouble=None),
        SimpleNamespace(trouble="refused (HTTP 403)"),
    ):
        looks = Health(
            database, parts, parts, front, Clock(), parts, WATCHED, Installation(), ONE, eye
        )
        is_ready, report = await looks.ready()
        assert is_ready
        shown.append(report.get("cloud_eye"))

    assert shown == [None, "ok", "refused (HTTP 403)"]


async def test_a_crowd_of_probes_is_one_look(operator: Operator) -> None:
    """For a second; then the parts are looked at again."""
    answers = await asyncio.gather(*[operator.reads("/readyz") for _ in range(50)])
    assert {status for status, _ in answers} == {200}
    assert operator.database.probed == 1
    await asyncio.sleep(health.TTL + 0.2)
    await operator.reads("/readyz")

    assert operator.database.probed == 2


async def test_a_database_that_hangs_holds_no_probe_up(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot isn't ready, and what needs no database is still counted."""
    monkeypatch.setattr(health, "TO_ANSWER", 0.1)
    operator.database.hangs = True
    async with asyncio.timeout(5):
        ready = await operator.reads("/readyz")
        _, metrics = await operator.reads("/metrics")

    assert ready[0] == 503
    assert "it isn't responding" in ready[1]
    assert 'backup_bot_queue_depth{queue="rds"}' in metrics
    assert "backup_bot_requests" not in metrics


def owed(line: str, urgency: Urgency, ago: timedelta) -> OwedMessage:
    """A message that Slack refuses."""
    at = datetime.now(UTC) - ago
    return OwedMessage(
        line=line,
        subject="",
        instance="orders-prod",
        name="before-42",
        topic_id="request1",
        destination="C0OPS",
        urgency=urgency,
        created_at=at,
        due_at=at,
        attempts=7,
        last_error="fatal_error",
    )


async def test_an_outcome_that_is_not_told_is_named(operator: Operator) -> None:
    """The oldest, with what Slack says of it. The bot is ready: it still answers people."""
    progress = owed("started", Urgency.PROGRESS, timedelta(hours=3))
    outcome = owed("ended", Urgency.OUTCOME, timedelta(hours=2))
    operator.database.owes = [progress, outcome]
    status, text = await operator.reads("/readyz")
    untold = json.loads(text)["oldest_untold_outcome"]

    assert status == 200
    assert 7200 <= untold.pop("seconds") < 7260
    assert untold == {
        "backup": "orders-prod/before-42",
        "about": "request1",
        "error": "fatal_error",
    }


async def test_messages_that_are_owed_are_counted(operator: Operator) -> None:
    """By their kind, each with the age of the oldest."""
    operator.database.owes = [owed("ended", Urgency.OUTCOME, timedelta(hours=2))]
    _, metrics = await operator.reads("/metrics")
    (age,) = [
        float(row.rpartition(" ")[2])
        for row in metrics.splitlines()
        if row.startswith('backup_bot_outbox_oldest_seconds{line="ended"}')
    ]

    assert 'backup_bot_outbox_depth{line="ended"} 1.0' in metrics
    assert 7200 <= age < 7260


async def test_there_is_nothing_else_to_read(operator: Operator) -> None:
    """Three addresses, and nothing is taken."""
    assert (await operator.reads("/"))[0] == 404
    assert (await operator.reads("/healthz", "POST"))[0] == 405
    assert (await operator.reads("/healthz", "HEAD"))[0] == 200
    assert (await operator.reads("/metrics"))[1].count("backup_bot_requests{") == 1


async def test_an_uninstalled_app_is_not_ready() -> None:
    """Although the socket may still be open for a moment; it says what to do."""
    parts: Any = SimpleNamespace(trouble=None, queued=0, share=None)
    front: Any = SimpleNamespace(silent_for=lambda: 0.0)
    database: Any = Database()
    installation = Installation()
    looks = Health(database, parts, parts, front, Clock(), parts, WATCHED, installation, ONE)
    assert (await looks.ready())[0]
    installation.ended("the app was uninstalled")
    is_ready, report = await looks.ready()

    assert not is_ready
    assert report["slack"].startswith("the app was uninstalled; install it again")
