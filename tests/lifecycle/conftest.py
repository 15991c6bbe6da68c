"""A world for single steps: a real store, a thread that notes what it is told, no network."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bot.domain.errors import CannotPost, SlackUnreachable
from bot.domain.instances import Accepted, Backup, Instance
from bot.domain.lines import Line
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest
from bot.lifecycle.voice import Voice
from bot.lifecycle.world import World
from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store
from tests.stepped_clock import SteppedClock

ORDERS = Instance(id="orders-id", name="orders-prod", status="ACTIVE")


class Elsewhere:
    """RDS, the catalogue and the people, where a test does not need them."""

    async def create_backup(self, instance_id: str, name: str, description: str) -> Accepted:
        raise AssertionError((instance_id, name, description))

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None
    ) -> list[Backup]:
        raise AssertionError((instance_id, backup_type))

    async def delete_backup(self, backup_id: str) -> None:
        raise AssertionError(backup_id)

    async def find(self, reference: str, patience: float) -> Instance:
        raise AssertionError((reference, patience))

    async def current(self, instance_id: str) -> Instance | None:
        raise AssertionError(instance_id)

    async def members(self, slack_ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        raise AssertionError(slack_ids)


@dataclass
class NotingThread:
    """Notes each edit of the card and each line; `error` is raised instead."""

    clock: SteppedClock
    edits: list[datetime] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    error: CannotPost | SlackUnreachable | None = None

    async def show(self, request: BackupRequest) -> None:
        self._fail_or(request)
        self.edits.append(self.clock.now())

    async def say(
        self,
        request: BackupRequest,
        line: Line,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> None:
        assert (subject, call) == ("", ())
        self._fail_or(request)
        if line not in self.lines:
            self.lines.append(line)

    async def point(self, request: BackupRequest) -> None:
        self._fail_or(request)

    async def put_off(self, request: BackupRequest) -> None:
        self._fail_or(request)

    async def insist(self, request: BackupRequest, line: Line) -> None:
        await self.say(request, line)

    async def announce(self, request: BackupRequest) -> None:
        self._fail_or(request)
        self.lines.append(Line.ENDED)

    def _fail_or(self, request: BackupRequest) -> None:
        assert request.id
        if self.error:
            raise self.error


@dataclass
class Oracle:
    """A watcher that knows the answers; time passes while it is asked."""

    clock: SteppedClock
    answers: deque[Backup | None] = field(default_factory=deque)

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        assert not patient
        assert (instance_id, backup_id) == (ORDERS.id, "backup-id")
        self.clock.advance(seconds=after)
        return self.answers.popleft()


@pytest.fixture
def clock() -> SteppedClock:
    """A clock that the watcher moves."""
    return SteppedClock()


@pytest.fixture
def thread(clock: SteppedClock) -> NotingThread:
    """The thread of the one request."""
    return NotingThread(clock)


@pytest.fixture
def watcher(clock: SteppedClock) -> Oracle:
    """The answers of RDS."""
    return Oracle(clock)


@pytest.fixture
async def world(
    database_url: str, clock: SteppedClock, thread: NotingThread, watcher: Oracle
) -> AsyncIterator[World]:
    """What a step acts in."""
    migrate(database_url)
    engine = open_engine(database_url)
    elsewhere, store = Elsewhere(), Store(engine)
    yield World(
        store=store,
        rds=elsewhere,
        catalogue=elsewhere,
        watcher=watcher,
        voice=Voice(thread, store, clock),
        people=elsewhere,
        policy=Policy(),
        clock=clock,
    )
    await engine.dispose()
