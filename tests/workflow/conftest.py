"""A world for single steps: a real store with its outbox, no network."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from bot.application.clicks import Clicks
from bot.domain.clicks import Click
from bot.domain.decisions import Verdict
from bot.domain.errors import RdsError, RdsRefused, RefusalReason
from bot.domain.instances import Accepted, Backup, BackupStatus, Instance
from bot.domain.outbox import MessageState, OutboxMessage
from bot.domain.policy import Policy
from bot.domain.progress import Expected
from bot.domain.requests import Choice
from bot.domain.thread_lines import CARD
from bot.domain.workspaces import Workspaces
from bot.storage.engine import open_engine
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from bot.storage.tables import outbox
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

    def skew_of(self, instance_id: str) -> timedelta:
        assert instance_id == ORDERS.id
        return self.clock_skew

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

    async def delete_backup(self, _: str, backup_id: str, *, on_turn: OnTurn) -> None:
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


class Thread:
    """What people are to hear of the one request, and whether Slack took it."""

    def __init__(self, store: Store, clock: SteppedClock) -> None:
        self._store = store
        self._clock = clock
        self._outbox = Outbox(store)

    async def lines(self) -> list[tuple[str, str]]:
        """All lines in the outbox with their subjects, in order; the card is none."""
        query = select(outbox.c.line, outbox.c.subject).where(outbox.c.line != CARD)
        rows = await self._store.rows(query.order_by(outbox.c.number))
        return [(row["line"], row["subject"]) for row in rows]

    async def drawn(self) -> int:
        """How often the card was to be drawn."""
        rows = await self._store.rows(select(outbox.c.version).where(outbox.c.line == CARD))
        return sum(row["version"] + 1 for row in rows)

    async def is_taken(self, line: str) -> None:
        """Slack takes the card, and then this line, now."""
        await self._post(await self._due(CARD))
        await self._post(await self._due(line))

    async def is_answered(self, line: str) -> None:
        """Only the requester sees it, as an answer to the command."""
        await self._post(await self._due(CARD))
        assert await self._outbox.sent(await self._due(line), "U0ANA", "")

    async def ends(self, line: str, state: MessageState) -> None:
        """The line comes to an end without being sent."""
        await self._post(await self._due(CARD))
        await self._outbox.settle(await self._due(line), state)

    async def _due(self, line: str) -> OutboxMessage:
        messages = await self._outbox.due(self._clock.now())
        return next(message for message in messages if message.line == line)

    async def _post(self, message: OutboxMessage) -> None:
        ts = f"{self._clock.now().timestamp():.6f}"
        assert await self._outbox.sent(message, message.destination, ts)


class Everybody:
    """All are who they say they are."""

    async def members(
        self, ids: Iterable[str], *, max_age: float | None = None
    ) -> Mapping[str, frozenset[str] | None]:
        del max_age
        return {slack_id: frozenset({slack_id}) for slack_id in ids}

    async def everybody(self, ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        return await self.members(ids)


LONG = 600.0  # seconds until an end that nobody wants to hear of before


@dataclass
class Oracle:
    """A watcher that knows the answers; time passes while it is asked."""

    clock: SteppedClock
    answers: deque[Backup | RdsError | None] = field(default_factory=deque)
    may_wait: bool = False  # nobody is waiting for an answer, or the last look failed

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        return self._answer(instance_id, backup_id, after, patient=patient)

    async def follow(
        self,
        instance_id: str,
        backup_id: str,
        began: datetime,
        expected: Expected,
        *,
        within: float,
        patient: bool = False,
    ) -> Backup | None:
        assert began <= self.clock.now()
        assert expected.median > 0
        return self._answer(instance_id, backup_id, min(within, LONG), patient=patient)

    def _answer(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool
    ) -> Backup | None:
        assert self.may_wait or not patient
        assert (instance_id, backup_id) == (ORDERS.id, "backup-id")
        self.clock.advance(seconds=after)
        answer = self.answers.popleft()
        if isinstance(answer, RdsError):
            self.may_wait = True
            raise answer
        return answer


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
        workspaces=Workspaces(own="T0DEMO"),
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
async def store(migrated_database_url: str, clock: SteppedClock) -> AsyncIterator[Store]:
    """A file; SQLite's."""
    engine = open_engine(migrated_database_url)
    yield Store(engine, clock=clock)
    await engine.dispose()


@pytest.fixture
def thread(store: Store, clock: SteppedClock) -> Thread:
    """The outbox."""
    return Thread(store, clock)


@pytest.fixture
def watcher(clock: SteppedClock) -> Oracle:
    """The answers of RDS."""
    return Oracle(clock)


@pytest.fixture
def context(store: Store, clock: SteppedClock, watcher: Oracle, cloud: Cloud) -> StepContext:
    """What a step acts in."""
    elsewhere = Elsewhere()
    return StepContext(
        store=store,
        rds=cloud,
        catalogue=elsewhere,
        watcher=watcher,
        people=elsewhere,
        policy=Policy(),
        clock=clock,
    )
