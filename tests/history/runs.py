"""Random runs of the use cases and the lifecycle on a real file, with deaths and clock jumps.

DBOS is left out: `Life` keeps which steps of a workflow ended, as its journal does. What is told
of a run is only what Slack, RDS and those who asked saw, and what is on disk in the end.
"""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Delete, Insert, RowMapping, Update, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.origin import Origin
from bot.domain.audit import AuditEntry, break_between
from bot.domain.clicks import Click
from bot.domain.commands import CreateBackup
from bot.domain.console import Console
from bot.domain.errors import BotError, StoreUnavailable
from bot.domain.outbox import MessageState
from bot.domain.policy import Policy, Rule, Terms
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.domain.workspaces import Workspaces
from bot.outbox.dispatcher import Dispatcher
from bot.rds.catalogue import InstanceCatalogue
from bot.runtime import loop_pacing
from bot.runtime.in_flight import InFlight
from bot.runtime.loop_pacing import Debounce
from bot.slack.transport.courier import Courier
from bot.slack.transport.pace import Pace
from bot.slack.transport.web_client import SlackClient
from bot.storage.audit_rows import audit_rows, entry_of
from bot.storage.engine import migrate, open_engine
from bot.storage.intake import Intake
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from bot.storage.tables import outbox
from bot.storage.transaction import Transaction
from bot.watcher.loop import Watcher
from bot.workflow.approval import Approvals
from bot.workflow.context import StepContext
from bot.workflow.events import MessageEvents
from bot.workflow.journal import workflow_id_of
from bot.workflow.workflow import Lifecycle, Step
from tests.history.events import Accepted, Answered, History, Killed, Left, Pressed, Rules
from tests.history.outside import (
    GROUP,
    Connections,
    Faults,
    JumpingClock,
    People,
    Region,
    Slack,
    calm,
)

TEAM, CHANNEL = "T0DEMO", "C0OPS"
EVERYBODY = ("U0ANA", "U0BEN", "U0CAT", "U0DAN", "U0EVE")
DBAS = ("U0BEN", "U0CAT", "U0DAN")
EXPIRES = timedelta(minutes=30)
POLICY = Policy(
    defaults=Terms(approvers=(GROUP,), expires_after=EXPIRES, remind_after=timedelta(minutes=10)),
    rules=(
        Rule(instances=("orders",), approvals=2, break_glass=("U0CAT",)),
        Rule(instances=("team",), approvers=("U0ANA", "U0BEN"), self_approval=True),
        Rule(instances=("dev",), approvals=0),
    ),
)
RULES = {
    "orders": Rules(2, frozenset(DBAS), break_glass=frozenset({"U0CAT"})),
    "billing": Rules(1, frozenset(DBAS)),
    "team": Rules(1, frozenset({"U0ANA", "U0BEN"}), self_approval=True),
    "dev": Rules(0),
}
CHOICES = {Choice.APPROVE: 8, Choice.REJECT: 1, Choice.WITHDRAW: 1, Choice.BREAK_GLASS: 1}
BUSY = 1800.0  # seconds
MOST_SECONDS = 6 * 86400.0  # by when all must have ended
FARTHEST = timedelta(minutes=9)  # that a clock is off: RDS takes no calls beyond 15
LOOKED_FOR = 60.0  # seconds after which what fell over is carried on
IDLE = 12  # turns of the loop in which nobody uses the database

Journal = dict[str, dict[str, str]]  # by workflow: the steps that ended, and what they came to
ENDED = "back_up"  # where the journal has a workflow's own end


class Others(NamedTuple):
    """Who lives on when the bot dies."""

    region: Region
    slack: Slack
    people: People


_T = TypeVar("_T")


class FlakyStore(Store):
    """A database that does not answer ever and again."""

    def __init__(self, engine: AsyncEngine, outside: Connections) -> None:
        super().__init__(engine, clock=outside.clock)
        self._outside = outside
        self.working = 0  # reads and writes that a thread carries out

    @contextmanager
    def _work(self) -> Iterator[None]:
        self._may_fail()
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        with self._work():
            return await super().read(work)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._may_fail()
        async with super().transaction() as transaction:
            yield transaction
        self._may_fail()

    async def at_once(
        self, change: Update | Insert | Delete, *returning: ColumnElement[Any]
    ) -> Sequence[RowMapping]:
        with self._work():
            changed = await super().at_once(change, *returning)
        self._may_fail()
        return changed

    async def submit(self, new: Sequence[BackupRequest], entries: Sequence[AuditEntry]) -> None:
        with self._work():
            await super().submit(new, entries)
        self._may_fail()

    def _may_fail(self) -> None:
        if self._outside.happens(self._outside.faults.store_away):
            raise StoreUnavailable


_steps: ContextVar[dict[str, str]] = ContextVar("steps")  # of the workflow that runs


class JournaledLifecycle(Lifecycle):
    """The workflow, with a journal of the test's own in the place of DBOS."""

    def __init__(self, context: StepContext, journal: Journal, outside: Connections) -> None:
        # Not the parent's, which registers its workflow with DBOS.
        self.approvals = Approvals(context, self.carry_on)
        self._context = context
        self._to_start: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._debounce = Debounce()
        self._journal = journal
        self._outside = outside
        self._carried: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        for workflow_id, ended in self._journal.items():
            if ENDED not in ended:
                self._carry(workflow_id)
        for request_id, state in (await self._context.store.unfinished()).items():
            if state is RequestState.AWAITING_APPROVAL:
                self.approvals.wait_for([request_id])
            else:
                await self.carry_on(await self._context.load(request_id))
                self.start(request_id)
        while True:
            workflow_id, _ = await self._to_start.get()
            await self._outside.clock.sleep(self._outside.chance.uniform(0, 0.2))
            if workflow_id not in self._journal:
                self._journal[workflow_id] = {}
                self._carry(workflow_id)

    async def carry_on(self, request: BackupRequest) -> None:
        past = [w for w in self._journal if w.partition(":")[0] == request.id]
        if not request.state.is_final and all(ENDED in self._journal[w] for w in past):
            workflow_id = workflow_id_of(request.id, len(past) + 1)
            self._to_start.put_nowait((workflow_id, request.id))

    def _carry(self, workflow_id: str) -> None:
        self._carried.add(asyncio.create_task(self._until_its_end(workflow_id)))

    async def _until_its_end(self, workflow_id: str) -> None:
        """What falls over is carried on later by whoever looks for such requests."""
        ended, request_id = self._journal[workflow_id], workflow_id.partition(":")[0]
        while ENDED not in ended:
            try:
                _steps.set(ended)
                state = await self.back_up(request_id)
            except BotError:
                await self._outside.clock.sleep(LOOKED_FOR)
            else:
                await self._outside.clock.sleep(self._outside.chance.uniform(0, 0.2))
                ended[ENDED] = state
        if ended[ENDED] == RequestState.AWAITING_APPROVAL:
            self.approvals.wait_for([request_id])

    async def _step(self, name: str, step: Step, request_id: str) -> RequestState:
        ended = _steps.get()
        if name not in ended:
            state = await self._persist(name, step, request_id)
            await self._outside.clock.sleep(self._outside.chance.uniform(0, 0.2))
            ended[name] = state
        return RequestState(ended[name])


class Life:
    """The bot from a start to its death."""

    def __init__(self, url: str, outside: Connections, others: Others, journal: Journal):
        clock, (region, slack, people) = outside.clock, others
        self.engine = open_engine(url)
        self.store = FlakyStore(self.engine, outside)
        catalogue = InstanceCatalogue(region, clock, {})
        watcher = Watcher(region, catalogue, clock)
        catalogue.listen(watcher.saw_page)
        in_flight = InFlight()
        context = StepContext(
            store=self.store,
            rds=region,
            catalogue=catalogue,
            watcher=watcher,
            people=people,
            policy=POLICY,
            clock=clock,
            in_flight=in_flight,
        )
        lifecycle = JournaledLifecycle(context, journal, outside)
        dispatcher = Dispatcher(
            Outbox(self.store),
            Courier(
                cast("SlackClient", slack), clock, POLICY, command="/backup", console=Console()
            ),
            Pace(clock),
            clock,
            in_flight,
            MessageEvents(context, lifecycle),
        )
        self.store.on_owed = dispatcher.wake
        self.backups = Backups(
            store=self.store,
            intake=Intake(self.store),
            catalogue=catalogue,
            engine=lifecycle,
            clock=clock,
        )
        self.clicks = Clicks(
            store=self.store,
            policy=POLICY,
            people=people,
            engine=lifecycle,
            clock=clock,
            workspaces=Workspaces(own="T0DEMO"),
        )
        self._others = asyncio.all_tasks()
        self._tasks: set[asyncio.Task[None]] = set()
        for kept in (lifecycle.run, lifecycle.approvals.run, watcher.run, dispatcher.run):
            self.does(self._kept(kept, outside))

    def does(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def _kept(self, work: Callable[[], Awaitable[None]], outside: Connections) -> None:
        """What has to go on; the process ends when it falls over."""
        try:
            await work()
        except BotError:
            outside.is_doomed = True

    async def dies(self) -> None:
        """Nothing that it does goes on."""
        for _ in range(20):
            if not (left := asyncio.all_tasks() - self._others):
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)
        await self.engine.dispose()

    @property
    def is_idle(self) -> bool:
        checked_out = cast("QueuePool", self.engine.pool).checkedout()
        return not checked_out and not self.store.working


@dataclass
class Run:
    """One run, of what `seed` says."""

    seed: int
    url: str
    busy: float  # seconds in which people act, and things go wrong
    store_away: float
    is_readable: bool
    asked: list[Accepted] = field(default_factory=list)
    journal: Journal = field(default_factory=dict)
    clicks: int = 0
    commands: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311, no secret
        clock = JumpingClock()
        self.outside = Connections(
            self.chance, clock, faults=_faults(self.chance, self.store_away)
        )
        people = People(self.outside, DBAS)
        slack = Slack(self.outside, is_readable=self.is_readable)
        self.others = Others(Region(self.outside, RULES), slack, people)
        self.life = self._begun()

    def _begun(self) -> Life:
        return Life(self.url, self.outside, self.others, self.journal)

    async def play(self) -> History:
        """Let it all happen, and then let it end."""
        clock = self.outside.clock
        until_act = self._gap()
        while clock.monotonic() < self.busy:
            step = min(clock.next_due, until_act)
            clock.advance(seconds=step)
            until_act -= step
            if until_act <= 0:
                await self._act()
                until_act = self._gap()
            await self._settle()
            if self.outside.is_doomed:
                await self._die()
        self.outside.faults = calm(self.outside.faults)
        while not await self._all_told() and clock.monotonic() < MOST_SECONDS:
            for _ in range(50):
                clock.advance(seconds=min(clock.next_due, 600.0))
                await self._settle()
        return await self._history()

    def _gap(self) -> float:
        """Seconds to the next act: often so soon that the one before is not over."""
        return self.chance.choice((self.chance.uniform(0, 3), self.chance.expovariate(1 / 120)))

    async def _settle(self) -> None:
        """Until nobody has more to do before time goes on; the database takes real time."""
        idle = 0
        while idle < IDLE:
            await asyncio.sleep(0)
            idle = idle + 1 if self.life.is_idle else 0
            if not idle:
                await asyncio.sleep(0.0002)

    async def _act(self) -> None:
        acts = {"ask": 3, "press": 10, "die": 3, "jump": 1, "leave": 0.3}
        match self.chance.choices(list(acts), list(acts.values()))[0]:
            case "ask":
                self._ask()
            case "press" if self.asked:
                self.life.does(self._press())
            case "die":
                await self._die()
            case "jump":
                self.outside.clock.jumped = FARTHEST * self.chance.uniform(-1, 1)
            case "leave":
                user = self.chance.choice(EVERYBODY)
                self.others.people.left.add(user)
                self.outside.events.append(Left(user))
            case _:
                pass  # there is nothing to press yet

    async def _die(self) -> None:
        """At once, or in the middle of what the loop does next."""
        for _ in range(self.chance.choice((0, 0, 1, 5, 20, 80))):
            await asyncio.sleep(0)
        await self.life.dies()
        self.outside.events.append(Killed())
        self.outside.is_doomed = False
        self.life = self._begun()

    def _ask(self) -> None:
        self.commands += 1
        user, instance = self.chance.choice(EVERYBODY), self.chance.choice(list(RULES))
        asked = Origin(user, TEAM, CHANNEL, f"trigger{self.commands}", None)
        create = CreateBackup(instance, f"before-{self.commands}", "")
        for _ in range(self.chance.choice((1, 1, 2))):  # Slack delivers some twice
            self.life.does(self._command(create, asked))

    async def _command(self, create: CreateBackup, asked: Origin) -> None:
        with suppress(BotError):  # which is an answer
            request = await self.life.backups.ask(create, asked)
            accepted = Accepted(
                request.id, asked.trigger_id, asked.user_id, create.instance, create.name
            )
            self.outside.events.append(accepted)
            self.asked.append(accepted)

    async def _press(self) -> None:
        self.clicks += 1
        number, asked = self.clicks, self.chance.choice(self.asked[-4:])
        choice = self.chance.choices(list(CHOICES), list(CHOICES.values()))[0]
        user = asked.requester if choice is Choice.WITHDRAW else self.chance.choice(EVERYBODY)
        user = self.chance.choice((user, user, user, "U0EVE"))
        self.outside.events.append(Pressed(number, asked.request_id, choice, user))
        click = Click(asked.request_id, choice, user, TEAM, reason="because")
        with suppress(BotError):
            result = await self.life.clicks.decide(click)
            self.outside.events.append(Answered(number, result.verdict))

    async def _all_told(self) -> bool:
        store = self.life.store
        requests = [await store.load(asked.request_id) for asked in self.asked]
        if not all(request and request.state.is_final for request in requests):
            return False
        pending = select(outbox.c.number).where(outbox.c.state == MessageState.PENDING)
        return not await store.rows(pending)

    async def _history(self) -> History:
        store = self.life.store
        requests = {request.id: request for request in await store.requests(limit=1000)}
        trail = await store.audit_trail()
        rows = await store.rows(select(outbox).where(outbox.c.ts.is_not(None)))
        await self.life.dies()
        return History(
            rules=RULES,
            events=tuple(self.outside.events),
            requests=requests,
            trail=tuple(trail),
            notes={
                (row["request_id"], f"{row['line']}{row['subject']}"): row["ts"] for row in rows
            },
            readable=frozenset({CHANNEL}) if self.is_readable else frozenset(),
            chain=_break(self.url),
        )


def template(directory: Path) -> Path:
    """A migrated database file, to be copied for each run."""
    file = directory / "template.db"
    migrate(f"sqlite:///{file}")
    return file


async def play(
    seed: int,
    directory: Path,
    migrated: Path,
    *,
    busy: float = BUSY,
    store_away: float = 0.0,
    is_readable: bool = False,
) -> History:
    """The run that a seed stands for. How the database's threads take turns it does not say.

    In one that `is_readable` the bot can look in its channel for what it may have posted.
    """
    loop_pacing.TICK = 0  # a tick is of real time, which a run does not have
    file = directory / f"run{seed}.db"
    shutil.copyfile(migrated, file)
    history = await Run(seed, f"sqlite:///{file}", busy, store_away, is_readable).play()
    _remove(file)
    return history


def _remove(file: Path) -> None:
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


def _faults(chance: random.Random, store_away: float) -> Faults:
    def some(most: float) -> float:
        return chance.choice((0.0, 0.0, chance.uniform(0, most)))

    return Faults(
        rds_away=some(0.5),
        answer_lost=some(0.7),
        busy=some(0.5),
        slack_away=some(0.5),
        slack_answer_lost=some(0.3),
        groups_unknown=some(0.3),
        store_away=store_away,
        death=some(0.2),
    )


def _break(url: str) -> str | None:
    before = None
    for row in audit_rows(url):
        entry = entry_of(row)
        if why := break_between(before, entry):
            return f"entry {entry.number}: {why}"
        before = entry
    return None
