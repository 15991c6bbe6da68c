"""The bot's process dies, or is told to stop, and starts again: nobody in Slack can tell."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from signal import SIGTERM

import pytest

from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.records import RdsBackup
from bot.demo.rds.wire import Call, Operation
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Message
from bot.slack.messages.ids import ASK_AGAIN
from bot.storage.engine import open_engine
from bot.storage.store import Store
from tests.requests import asked
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, Opens, Story, beginning
from tests.zygote import ForkedProcess, Zygote

OFTEN = "[rds]\npoll_seconds = 0.2\ncalls_per_minute = 6000\n"
DEADLINE = 30.0  # seconds of real time for a process to start, or to find something out
STOPS_WITHIN = 10.0  # seconds of real time, as promised
HELD = slack_faults.Fault(is_dropped=True, delay=60)  # until the bot is dead; not carried out
HANGS = rds_faults.Fault(rds_faults.When.BEFORE, rds_faults.How.HANG)
LOOKS = (Operation.LIST_INSTANCES, Operation.LIST_BACKUPS)

NAMES = ["waiting", "running", "announced", "clicked", "unanswered", "shown", "checked"]
APPROVED, COMPLETED = "Approved by @ben. Starting the backup now.", "@ana Your backup is complete"
UNEVENTFUL = [APPROVED, "The backup has started. RDS backup ID", COMPLETED]
ADOPTED = [
    APPROVED,
    "RDS had started the backup, so I won't send the request again. RDS backup ID",
    COMPLETED,
]


class Process:
    """`backup-bot run` in an empty directory, with nothing but its settings, in real time."""

    def __init__(self, story: Story, directory: Path, zygote: Zygote) -> None:
        self._workspace = story.workspace
        self._directory = directory
        self._zygote = zygote
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
        self._environ = own | story.environ
        self._process: ForkedProcess | None = None

    async def start(self) -> None:
        """Return once Slack can reach it."""
        self._process = await self._zygote.start(
            "bot", "run", cwd=self._directory, env=self._environ
        )
        await self._workspace.until(lambda: self._workspace.sockets.open, DEADLINE)

    async def kill(self) -> None:
        """SIGKILL: there is no time for anything."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            await self._workspace.until(lambda: not self._workspace.sockets.open)

    async def stop(self) -> int:
        """SIGTERM; what it exits with, in time."""
        assert self._process is not None
        self._process.send_signal(SIGTERM)
        return await asyncio.wait_for(self._process.wait(), STOPS_WITHIN)


@pytest.fixture
async def story(opens: Opens) -> AsyncIterator[Story]:
    """The world in real time, with instances whose backups run until a test ends them."""
    async with opens(CONFIG + OFTEN, FastClock(1)) as story:
        story.region.gateway.calls_per_minute = None
        for name in NAMES:
            instance = story.region.add_instance(name, backup_takes=timedelta(hours=1))
            began, took = story.clock.now() - timedelta(days=1), timedelta(seconds=1)
            story.region.add_backup(instance, f"{name}-nightly", began=began, takes=took)
        yield story


@pytest.fixture
async def process(story: Story, tmp_path: Path, zygote: Zygote) -> AsyncIterator[Process]:
    """The bot, running, as a process of its own."""
    directory = tmp_path / "empty"
    directory.mkdir()
    process = Process(story, directory, zygote)
    await process.start()
    yield process
    await process.kill()


def _asked_for(name: str) -> str:
    return f"create {name} before-{name}"


async def _started(story: Story, name: str) -> Message:
    """Ask and approve, until the bot has said that it runs, and looks what becomes of it."""
    card = await story.asks(_asked_for(name))
    await story.approves(card)
    while not any(
        call.query.get("backup_id") == backup.id
        for call in story.region.calls
        for backup in _backups(story, name)
    ):
        await story.region.changed()
    return card


def _backups(story: Story, name: str) -> list[RdsBackup]:
    return [backup for backup in story.region.backups if backup.name == f"before-{name}"]


async def _ends(story: Story, name: str) -> None:
    """RDS is done with the backup, once it has begun it."""
    while not (made := _backups(story, name)):
        await story.region.changed()
    story.region.end_backup(made[0])


async def _is_owed(story: Story, name: str) -> None:
    """Wait until a request's card is to be posted; another post may hold up its channel."""
    query = (
        "SELECT 1 FROM outbox JOIN request ON request.id = outbox.request_id "
        "WHERE line = 'card' AND ts IS NULL AND name = ?"
    )
    with closing(sqlite3.connect(story.environ["DATABASE_URL"].removeprefix("sqlite:///"))) as db:
        async with asyncio.timeout(DEADLINE):
            while not db.execute(query, (name,)).fetchone():  # noqa: ASYNC110, the database rings no bell
                await asyncio.sleep(0.05)


async def _is_held(story: Story, method: str, words: str) -> None:
    """Wait until the bot is stuck in a call to Slack that says this."""
    await story.workspace.until(
        lambda: any(
            call.method == method and words in str(call.args) and not (call.ok or call.error)
            for call in story.workspace.calls
        ),
        DEADLINE,
    )


def _is_hanging(call: Call) -> bool:
    """Whether it looks up what a card must say, and gets no answer."""
    return call.operation in LOOKS and call.status is None and "backup_id" not in call.query


async def _ended(story: Story, card: Message) -> list[str]:
    """How each line of a thread begins, once it is complete."""
    await story.until_said(card, COMPLETED, timeout_seconds=DEADLINE)
    return [beginning(line) for line in story.thread(card)]


async def test_killed_in_every_state(story: Story, process: Process) -> None:
    """Seven requests, each somewhere else when the process dies: all go on where they were."""
    slack, rds = story.workspace.faults, story.region.faults
    waiting = await story.asks(_asked_for("waiting"))
    running = await _started(story, "running")
    announced = await _started(story, "announced")
    clicked = await story.asks(_asked_for("clicked"))
    unanswered = await story.asks(_asked_for("unanswered"))
    rds.next_create(rds_faults.NO_ANSWER)
    await story.approves(unanswered)
    await _ends(story, "unanswered")
    slack.always(HELD, "chat.update", "chat.postMessage")
    await story.approves(clicked)
    await _is_held(story, "chat.update", "before-clicked")
    await _ends(story, "announced")
    await _is_held(story, "chat.update", "announced is backed up")
    await story.types(_asked_for("shown"))
    await _is_owed(story, "before-shown")
    rds.always(HANGS, *LOOKS)
    await story.types(_asked_for("checked"))
    while not any(_is_hanging(call) for call in story.region.calls):
        await story.region.changed()

    await process.kill()
    slack.clear()
    rds.clear()
    await _ends(story, "running")
    await process.start()

    await story.workspace.until(lambda: len(story.cards) == len(NAMES), DEADLINE)
    shown, checked = story.cards[-2:]
    for card in (waiting, shown, checked):
        await story.approves(card)
    for name in ("waiting", "clicked", "shown", "checked"):
        await _ends(story, name)
    for card in (waiting, running, announced, clicked, shown, checked):
        assert await _ended(story, card) == UNEVENTFUL
    assert await _ended(story, unanswered) == ADOPTED
    assert "already" in await story.approves(clicked, stale=True)
    assert len(story.cards) == story.creates == len(NAMES)
    assert all(len(_backups(story, name)) == 1 for name in NAMES)


async def test_told_to_stop(story: Story, process: Process) -> None:
    """SIGTERM, with a create that gets no answer: exit code 0 in time, and all goes on later."""
    waiting = await story.asks(_asked_for("waiting"))
    running = await _started(story, "running")
    unanswered = await story.asks(_asked_for("unanswered"))
    story.region.faults.next_create(rds_faults.NO_ANSWER)
    await story.approves(unanswered)
    await _ends(story, "unanswered")

    assert await process.stop() == 0
    await process.start()

    await story.approves(waiting)
    for name in ("waiting", "running"):
        await _ends(story, name)
    for card in (waiting, running):
        assert await _ended(story, card) == UNEVENTFUL
    assert await _ended(story, unanswered) == ADOPTED
    assert len(story.cards) == story.creates == 3


async def test_a_request_expires_while_the_bot_is_down(opens: Opens) -> None:
    """It is told at the next start, once, and its buttons are gone."""
    clock = SteppedClock()
    async with opens(clock=clock) as story:
        async with story.bot():
            card = await story.asks()
        clock.advance(hours=9)
        async with story.bot():
            line = await story.until_said(card, "expired")

        assert story.thread(card) == [line]
        assert story.cards[0].buttons == [ASK_AGAIN]
        assert story.creates == 0


async def test_a_request_on_disk_is_taken_up(opens: Opens) -> None:
    """The process died between writing it down and starting on it: the next one starts."""
    async with opens() as story:
        engine = open_engine(story.environ["DATABASE_URL"])
        async with Store(engine).transaction() as transaction:
            await transaction.insert(asked())
        await engine.dispose()
        async with story.bot():
            await story.workspace.until(lambda: story.cards)
            await story.approves(story.cards[0])
            await story.until_said(story.cards[0], COMPLETED)

    assert story.made(asked().name) == 1
