"""Several identical processes on one PostgreSQL: any answers, one works, and none is missed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import psycopg
import pytest

from bot.demo.slack.records import Message
from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import APPROVE
from tests.monkey import Wire
from tests.process.conftest import DEADLINE, Process, Runs

OFTEN = '[approval]\napprovers = ["S0DBA"]\n[rds]\npoll_seconds = 0.2\ncalls_per_minute = 6000\n'
TAKEN_OVER = 60.0  # seconds; half of them are promised, where the machine has time
MANY = 4
ACK_DEADLINE = 3.0  # seconds: Slack's


class Fleet:
    """Replicas that share a workspace, a region and a database."""

    def __init__(self, world: OfflineWorld, environ: dict[str, str], runs: Runs) -> None:
        self.world = world
        self.environ = environ
        self._runs = runs
        self._stack = AsyncExitStack()
        self.replicas: list[Process] = []

    async def start(self, count: int = 1) -> None:
        """So many more, at the same moment."""
        entering = (
            self._stack.enter_async_context(self._runs(self.environ)) for _ in range(count)
        )
        self.replicas += [await process for process in entering]
        alive = [process for process in self.replicas if process.alive]
        async with asyncio.timeout(DEADLINE * 2):
            # More for a moment: one that was slow to connect tries anew.
            while len(self.world.workspace.sockets.open) < 2 * len(alive):  # noqa: ASYNC110, those that close ring no bell
                await asyncio.sleep(0.1)

    async def end(self) -> None:
        await self._stack.aclose()

    async def asks(self, name: str) -> Message:
        """Ana asks for a backup of the instance of this name; its card."""
        workspace = self.world.workspace
        reply = await workspace.command(ANA, OPS, "/backup", f"create {name} before-{name}")
        assert reply.error is None
        return (await workspace.until(lambda: self._cards(name), DEADLINE))[0]

    async def approves(self, card: Message) -> None:
        """Ben clicks until somebody acks it."""
        async with asyncio.timeout(DEADLINE):
            while (await self.world.workspace.click(BEN, card.ts, APPROVE)).error:
                pass

    def _cards(self, name: str) -> list[Message]:
        workspace = self.world.workspace
        return [
            m
            for m in workspace.messages(OPS)
            if not m.is_reply and m.buttons and f"before-{name}" in workspace.read(m)
        ]

    def thread(self, card: Message) -> list[str]:
        """How each line under a card begins."""
        workspace = self.world.workspace
        lines = [workspace.read(line) for line in workspace.thread(OPS, card.ts)]
        return [line.split(": ")[0] for line in lines]

    def home(self, who: str) -> str:
        view = self.world.workspace.home(who)
        return self.world.workspace.read_view(view) if view else ""

    async def until_said(
        self, card: Message, words: str, timeout_seconds: float = TAKEN_OVER
    ) -> None:
        await self.world.workspace.until(
            lambda: any(words in line for line in self.thread(card)), timeout_seconds
        )

    async def until_complete(self, cards: Sequence[Message]) -> None:
        """RDS accepts all of them, and is done with all of them; each thread says so."""
        for card in cards:
            await self.until_said(card, "The backup has started")
        for number in range(len(cards)):
            self.finish(f"db-{number}")
        for card in cards:
            await self.until_said(card, "is complete")

    async def until_watched(self, count: int) -> None:
        """So many backups are asked about: all that is to be said before has been written down."""
        region = self.world.region
        while len({c.query["backup_id"] for c in region.calls if "backup_id" in c.query}) < count:
            await region.changed()

    async def until_stored(self, count: int) -> None:
        """So many cards are written down: who dies before that posts its card again."""
        url = self.environ["DATABASE_URL"].replace("+psycopg", "")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reader:
            query = "SELECT count(*) FROM outbox WHERE line = 'card' AND ts IS NOT NULL"
            while (await (await reader.execute(query)).fetchone()) != (count,):  # noqa: ASYNC110, the database rings no bell
                await asyncio.sleep(0.05)

    def finish(self, name: str) -> None:
        """RDS is done with it."""
        for backup in self.world.region.backups:
            if backup.name == f"before-{name}" and backup.status == "BUILDING":
                self.world.region.end_backup(backup)


@pytest.fixture
async def fleet(
    world: OfflineWorld, runs: Runs, migrated_postgresql_url: str, tmp_path: Path
) -> AsyncIterator[Fleet]:
    config = tmp_path / "policy.toml"
    config.write_text(OFTEN, "utf-8")
    world.region.gateway.calls_per_minute = None
    for number in range(MANY):
        instance = world.region.add_instance(f"db-{number}", backup_takes=timedelta(hours=1))
        began = world.region.clock.now() - timedelta(days=1)
        world.region.add_backup(instance, "nightly", began=began, takes=timedelta(seconds=1))
    database = {"DATABASE_URL": migrated_postgresql_url}
    fleet = Fleet(world, world.environ | database | {"BACKUP_BOT_CONFIG": str(config)}, runs)
    yield fleet
    await fleet.end()


async def test_any_answers_and_a_decision_is_heard_by_the_other(fleet: Fleet) -> None:
    """Commands and clicks go to either; each backup starts at once."""
    await fleet.start(2)
    for number in range(MANY):
        card = await fleet.asks(f"db-{number}")
        await fleet.world.workspace.click(BEN, card.ts, APPROVE)
        # Who was not woken looks again after a minute only.
        await fleet.until_said(card, "The backup has started", timeout_seconds=10)
    backups = [b for b in fleet.world.region.backups if b.name.startswith("before-")]

    assert len(backups) == MANY


async def test_a_home_tab_shows_what_was_decided_on_either(fleet: Fleet) -> None:
    """Each replica knows what the other drew there by now."""
    workspace = fleet.world.workspace
    await fleet.start(2)
    await workspace.open_home(BEN)
    for number in range(2):
        await fleet.asks(f"db-{number}")
        await workspace.until(lambda: "Waiting for you (1)" in fleet.home(BEN), DEADLINE)
        await workspace.command(ANA, OPS, "/backup", f"withdraw before-db-{number}")
        await workspace.until(lambda: "Nothing is waiting for your" in fleet.home(BEN), DEADLINE)


async def test_what_a_killed_one_did_goes_on_in_another(fleet: Fleet) -> None:
    """Some wait for people, some run: all end once, and are told once, within half a minute."""
    await fleet.start(2)
    cards = [await fleet.asks(f"db-{number}") for number in range(MANY)]
    for card in cards[: MANY // 2]:
        await fleet.world.workspace.click(BEN, card.ts, APPROVE)
    await fleet.until_watched(MANY // 2)
    fleet.replicas[0].signal(SIGKILL)
    await fleet.world.workspace.until(lambda: len(fleet.world.workspace.sockets.open) == 2)
    for card in cards[MANY // 2 :]:
        await fleet.world.workspace.click(BEN, card.ts, APPROVE)
    await fleet.until_complete(cards)

    assert [len(fleet.thread(card)) for card in cards] == [3] * MANY
    made = [b.name for b in fleet.world.region.backups if b.name.startswith("before-")]
    assert sorted(made) == [f"before-db-{number}" for number in range(MANY)]


async def test_a_frozen_replica_delays_no_other(fleet: Fleet) -> None:
    """The other takes over, and answers meanwhile; once awake, the first one says nothing."""
    await fleet.start(2)
    cards = [await fleet.asks(f"db-{number}") for number in range(MANY)]
    await fleet.until_stored(MANY)
    frozen = fleet.replicas[0]
    fleet.world.workspace.ack_within = ACK_DEADLINE  # its sockets are open, and nobody reads them
    frozen.signal(SIGSTOP)
    for card in cards:
        await fleet.approves(card)
    await fleet.until_complete(cards)
    frozen.signal(SIGCONT)
    await frozen.until_logged("joining_again")
    await frozen.until_logged("socket_connected", times=4)

    assert [len(fleet.thread(card)) for card in cards] == [3] * MANY
    made = [b.name for b in fleet.world.region.backups if b.name.startswith("before-")]
    assert sorted(made) == [f"before-db-{number}" for number in range(MANY)]


async def test_a_host_vanishes(fleet: Fleet, postgresql: str, tmp_path: Path) -> None:
    """The database is not told that its connections are gone: what it left is taken over."""
    url, server = fleet.environ["DATABASE_URL"], postgresql.partition("host=")[2]
    async with Wire(tmp_path / "wire", server).up() as wire:
        fleet.environ["DATABASE_URL"] = url.replace(server, str(wire.directory))
        await fleet.start()
        cards = [await fleet.asks(f"db-{number}") for number in range(MANY)]
        await fleet.until_stored(MANY)
        fleet.environ["DATABASE_URL"] = url
        await fleet.start()
        wire.cut()
        fleet.world.workspace.ack_within = ACK_DEADLINE
        fleet.replicas[0].signal(SIGKILL)
        for card in cards:
            await fleet.approves(card)
        await fleet.until_complete(cards)

    assert [len(fleet.thread(card)) for card in cards] == [3] * MANY


async def test_all_killed_and_one_started(fleet: Fleet) -> None:
    """Nobody lived when they died: the next to start takes over from all of them."""
    await fleet.start(2)
    cards = [await fleet.asks(f"db-{number}") for number in range(MANY)]
    await fleet.until_stored(MANY)
    for replica in fleet.replicas:
        replica.signal(SIGKILL)
        await replica.exits()
    await fleet.world.workspace.until(lambda: not fleet.world.workspace.sockets.open)
    await fleet.start()
    for card in cards:
        await fleet.world.workspace.click(BEN, card.ts, APPROVE)
    await fleet.until_complete(cards)


async def test_one_by_one_they_are_replaced(fleet: Fleet) -> None:
    """As a rolling upgrade does: told to stop, and what waits is taken over."""
    await fleet.start(2)
    card = await fleet.asks("db-0")
    for old in list(fleet.replicas):
        old.signal(SIGTERM)
        assert await old.exits() == 0
        await fleet.start()
    await fleet.world.workspace.click(BEN, card.ts, APPROVE)
    await fleet.until_said(card, "The backup has started")
    fleet.finish("db-0")
    await fleet.until_said(card, "is complete")

    assert len(fleet.thread(card)) == 3


async def test_three_start_together_on_an_empty_database(
    fleet: Fleet, postgresql_url: str
) -> None:
    """One migrates, the others wait for it."""
    fleet.environ["DATABASE_URL"] = postgresql_url
    await fleet.start(3)
    card = await fleet.asks("db-0")

    assert card.buttons
    assert all("Traceback" not in replica.err for replica in fleet.replicas)


async def test_who_lost_its_lease_joins_anew(fleet: Fleet) -> None:
    """Others may do its work by now: it drops all, and goes on as one of them."""
    await fleet.start()
    card = await fleet.asks("db-0")
    url = fleet.environ["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("DELETE FROM replica")
    await fleet.replicas[0].until_logged("joining_again")
    await fleet.world.workspace.until(lambda: len(fleet.world.workspace.sockets.open) >= 2, 20)
    await fleet.world.workspace.click(BEN, card.ts, APPROVE)
    await fleet.until_said(card, "The backup has started")
    fleet.finish("db-0")
    await fleet.until_said(card, "is complete")

    assert sum("The backup has started" in line for line in fleet.thread(card)) == 1


async def test_the_budget_is_shared(fleet: Fleet) -> None:
    """Each takes its calls of one account, which `storage/test_shared_budget.py` tells of."""
    await fleet.start(2)
    await fleet.asks("db-0")
    url = fleet.environ["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as reader:
        (taken,) = reader.execute("SELECT taken FROM budget WHERE name = 'rds'").fetchone() or (
            [],
        )

    assert len(taken) >= len(fleet.world.region.calls) > 0


async def test_two_on_one_sqlite_file_is_one_too_many(
    runs: Runs, world: OfflineWorld, tmp_path: Path
) -> None:
    """The second says so and ends; the first does not notice."""
    environ = world.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
    async with runs(environ) as first, runs(environ) as second:
        codes = [asyncio.ensure_future(process.exits()) for process in (first, second)]
        (ended,), _ = await asyncio.wait(codes, return_when=asyncio.FIRST_COMPLETED)
        loser, winner = (first, second) if ended is codes[0] else (second, first)

        assert ended.result() == 2
        assert "another backup-bot runs on" in loser.err
        assert winner.alive
