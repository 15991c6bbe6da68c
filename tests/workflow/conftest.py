"""A world for single steps: a real store, a thread that notes what it is told, no network."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest

from bot.application.clicks import Clicks
from bot.domain.clicks import Click
from bot.domain.decisions import Verdict
from bot.domain.errors import (
    CannotPost,
    RdsError,
    RdsRefused,
    RefusalReason,
    SlackUnreachable,
)
from bot.domain.instances import Accepted, Backup, BackupStatus, Instance
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Choice
from bot.domain.thread_lines import ThreadLine
from bot.outbox.voice import Voice
from bot.storage.engine import open_engine
from bot.storage.store import Store
from bot.workflow.context import StepContext
from bot.workflow.ports import OnTurn
from tests.stepped_clock import SteppedClock

ORDERS = Instance(id="orders-id", name="orders-prod", status="ACTIVE")


class HastyClock(SteppedClock):
    """Time that jumps to whatever is waited for; `alarms` are done on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[tuple[datetime, Callable[[], Awaitable[object]]]] = []

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        await self._pass(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        for _ in range(5):  # what happens at once, as on disk, is not outrun
            if event.is_set():
                return True
            await asyncio.sleep(0.001)
        await self._pass(seconds)
        return event.is_set()

    async def _pass(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        due = [alarm for alarm in self.alarms if alarm[0] <= self.now()]
        self.alarms = [alarm for alarm in self.alarms if alarm not in due]
        for _, ring in due:
            await ring()


Make = Callable[[], Backup]


class Cloud:
    """RDS with one instance. `creates` and `deletes` say how the next calls end."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock
        self.backups: list[Backup] = []
        self.unlisted = 0  # lists to come that are empty
        self.trouble: RdsError | None = None  # that all lists meet
        self.creates: deque[RdsError | Callable[[Make], Awaitable[None]]] = deque()
        self.deletes: deque[RdsError] = deque()
        self.always: RdsError | None = None  # how all creates and deletes end
        self.sent: list[datetime] = []  # creates and deletes
        self.clock_skew = timedelta()

    def make(self, name: str = "before-1", id: str = "", ago: float = 0.0) -> Backup:  # noqa: A002
        """A running backup, which began `ago` seconds ago by RDS's clock."""
        began = self._clock.now() + self.clock_skew - timedelta(seconds=ago)
        backup = Backup(
            id=id or f"backup-{len(self.backups)}",
            instance_id=ORDERS.id,
            name=name,
            status=BackupStatus.BUILDING,
            begin_time=began,
        )
        self.backups.append(backup)
        return backup

    async def create_backup(
        self, instance_id: str, name: str, description: str, *, on_turn: OnTurn
    ) -> Accepted:
        assert (instance_id, description) == (ORDERS.id, "")
        await on_turn()
        self.sent.append(self._clock.now())
        how = self.creates.popleft() if self.creates else self.always
        if isinstance(how, RdsError):
            raise how
        if how is not None:
            await how(partial(self.make, name))
        if any(backup.name == name for backup in self.backups):
            raise RdsRefused(RefusalReason.NAME_TAKEN, "DBS.201201", status=409)
        return Accepted(self.make(name), "rds-request-1")

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None
    ) -> list[Backup]:
        assert instance_id == ORDERS.id
        assert backup_type in (None, "manual")
        if self.trouble:
            raise self.trouble
        if self.unlisted:
            self.unlisted -= 1
            return []
        return list(self.backups)

    async def delete_backup(self, backup_id: str, *, on_turn: OnTurn) -> None:
        await on_turn()
        self.sent.append(self._clock.now())
        how = self.deletes.popleft() if self.deletes else self.always
        if how is not None:
            raise how
        self.backups = [backup for backup in self.backups if backup.id != backup_id]


class Elsewhere:
    """The catalogue and the people, where a test does not need them."""

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        raise AssertionError((reference, timeout_seconds))

    async def current(self, instance_id: str) -> Instance | None:
        raise AssertionError(instance_id)

    async def members(
        self, ids: Iterable[str], *, max_age: float | None = None
    ) -> Mapping[str, frozenset[str] | None]:
        raise AssertionError((ids, max_age))

    async def everybody(self, ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        raise AssertionError(ids)


@dataclass
class NotingThread:
    """Notes each edit of the card and each line; `error` is raised instead."""

    clock: SteppedClock
    edits: list[datetime] = field(default_factory=list)
    lines: list[ThreadLine] = field(default_factory=list)
    put_offs: list[ThreadLine] = field(default_factory=list)
    error: CannotPost | SlackUnreachable | None = None

    async def show(self, request: BackupRequest) -> None:
        self._fail_or(request)
        self.edits.append(self.clock.now())

    async def say(
        self,
        request: BackupRequest,
        line: ThreadLine,
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

    async def put_off(self, request: BackupRequest, line: ThreadLine) -> None:
        self._fail_or(request)
        self.put_offs.append(line)

    async def insist(self, request: BackupRequest, line: ThreadLine) -> None:
        await self.say(request, line)

    async def announce(self, request: BackupRequest) -> None:
        self._fail_or(request)
        self.lines.append(ThreadLine.ENDED)

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


class Waker:
    """What a click wakes."""

    def __init__(self, context: StepContext) -> None:
        self._context = context

    def start(self, request_id: str) -> None:
        raise AssertionError(request_id)

    def wake(self, request_id: str) -> None:
        self._context.wakeups[request_id].set()


async def withdraw(context: StepContext, request_id: str) -> Verdict:
    """The requester withdraws it; what that comes to."""
    clicks = Clicks(
        store=context.store,
        policy=Policy(),
        people=context.people,
        engine=Waker(context),
        clock=context.clock,
    )
    result = await clicks.decide(Click(request_id, Choice.WITHDRAW, "U0ANA", "T0DEMO"))
    return result.verdict


@pytest.fixture
def cloud(clock: SteppedClock) -> Cloud:
    """RDS."""
    return Cloud(clock)


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
async def context(
    migrated_database_url: str,
    clock: SteppedClock,
    thread: NotingThread,
    watcher: Oracle,
    cloud: Cloud,
) -> AsyncIterator[StepContext]:
    """What a step acts in."""
    engine = open_engine(migrated_database_url)
    elsewhere, store = Elsewhere(), Store(engine)
    yield StepContext(
        store=store,
        rds=cloud,
        catalogue=elsewhere,
        watcher=watcher,
        voice=Voice(thread, store, clock),
        people=elsewhere,
        policy=Policy(),
        clock=clock,
    )
    await engine.dispose()
