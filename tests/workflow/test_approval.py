"""While a request waits: its reminders, and its card under another policy."""

import asyncio
import dataclasses
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from bot.domain.errors import BotError, StoreUnavailable
from bot.domain.policy import Policy, RuleReference, RuleSource, Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.clock import Clock
from bot.workflow.approval import AT_ONCE, Approvals
from bot.workflow.context import StepContext
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Everybody, HastyClock, Thread

HOUR = timedelta(hours=1)
TERMS = Terms(expires_after=8 * HOUR, remind_after=HOUR)
REMINDERS = [(ThreadLine.REMINDER, str(number)) for number in (1, 2, 3)]
ENDED = (ThreadLine.ENDED, "")


class Carried:
    """Those that wait for no decision any longer."""

    def __init__(self) -> None:
        self.states: asyncio.Queue[RequestState] = asyncio.Queue()
        self.fails: BotError | None = None  # once
        self.wake: Callable[[str], None]

    async def carry_on(self, request: BackupRequest) -> None:
        if self.fails:
            error, self.fails = self.fails, None
            raise error
        self.states.put_nowait(request.state)

    async def carried(self) -> RequestState:
        """The state of the next one."""
        return await self.states.get()


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
def context(context: StepContext) -> StepContext:
    """With people, under the terms that the request has."""
    return dataclasses.replace(context, people=Everybody(), policy=Policy(defaults=TERMS))


async def stored(context: StepContext, number: int, *, waited: timedelta = HOUR / 2) -> str:
    """A request that waits for its decision."""
    since = context.clock.now() - waited
    request: BackupRequest = asked(
        number,
        state=RequestState.AWAITING_APPROVAL,
        instance=ORDERS,
        terms=TERMS.model_copy(update={"rule": RuleReference(source=RuleSource.BUILT_IN)}),
        asked_at=since,
        expires_at=since + 8 * HOUR,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request.id


@pytest.fixture
async def request_id(context: StepContext) -> str:
    """A request that waits from now on."""
    return await stored(context, 1, waited=timedelta(0))


@asynccontextmanager
async def running(approvals: Approvals) -> AsyncIterator[None]:
    """They wait for as long as the block lasts."""
    task = asyncio.create_task(approvals.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def waiting(context: StepContext, request_id: str) -> AsyncIterator[Carried]:
    """A bot that has just started, and waits for the decision on the request."""
    carried = Carried()
    approvals = Approvals(context, carried.carry_on)
    approvals.wait_for([request_id])
    carried.wake = approvals.wake
    async with running(approvals):
        yield carried


async def until_time_is(clock: HastyClock, after: timedelta) -> None:
    """Wait for this much time to pass on the clock, which jumps."""
    passed = asyncio.Event()

    async def ring() -> None:
        passed.set()

    clock.alarms.append((clock.now() + after, ring))
    async with asyncio.timeout(60):
        await passed.wait()


async def test_reminders_come_with_growing_gaps(
    context: StepContext, request_id: str, thread: Thread
) -> None:
    """The card is drawn with each of them, and at the end, which nobody carries on."""
    async with waiting(context, request_id) as bot, asyncio.timeout(60):
        assert await bot.carried() is RequestState.EXPIRED

    assert await thread.lines() == [*REMINDERS, ENDED]
    assert await thread.drawn() == 4


async def test_of_several_missed_reminders_the_last_is_sent(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """The bot was down for four hours."""
    clock.advance(hours=4)
    async with waiting(context, request_id) as bot, asyncio.timeout(60):
        await bot.carried()

    assert await thread.lines() == [*REMINDERS[1:], ENDED]


async def test_restarts_draw_no_card_again(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """Each finds its reminder in the outbox: hundreds of cards would be edited for nothing."""
    clock.advance(hours=1.1)
    for _ in range(3):
        async with waiting(context, request_id):
            await until_time_is(clock, timedelta(minutes=10))

    assert await thread.lines() == REMINDERS[:1]
    assert await thread.drawn() == 1


async def test_another_policy_is_drawn_once(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """The card says who may approve now; a vote that decides nothing draws it no second time."""
    policy = Policy(defaults=TERMS.model_copy(update={"approvals": 2}))
    changed = dataclasses.replace(context, policy=policy)
    async with waiting(changed, request_id) as bot:
        await until_time_is(clock, HOUR / 4)
        bot.wake(request_id)
        await until_time_is(clock, HOUR / 4)

    assert await thread.lines() == []
    assert await thread.drawn() == 1


async def test_replicas_that_wait_for_the_same_request_say_each_thing_once(
    context: StepContext, request_id: str, thread: Thread
) -> None:
    """They remind in the same moment, and both find that its time is over."""
    async with (
        waiting(context, request_id) as one,
        waiting(context, request_id) as other,
        asyncio.timeout(60),
    ):
        assert await one.carried() is await other.carried() is RequestState.EXPIRED

    assert await thread.lines() == [*REMINDERS, ENDED]
    assert await thread.drawn() == 4


async def test_a_request_that_was_deleted_is_waited_for_no_longer(
    context: StepContext, clock: HastyClock
) -> None:
    """Pruning took it."""
    async with waiting(context, "gone") as bot:
        await until_time_is(clock, HOUR)

    assert bot.states.empty()


class Slow(Approvals):
    """Notes what is looked at; a look at what is `held` waits for its bell."""

    def __init__(self, context: StepContext, carried: Carried) -> None:
        super().__init__(context, carried.carry_on)
        self.looks: list[str] = []
        self.looked_at: list[datetime] = []
        self.held: dict[str, asyncio.Event] = {}
        self.is_looking = asyncio.Event()

    async def _do_what_is_due(self, request_id: str) -> datetime | None:
        self.looks.append(request_id)
        self.looked_at.append(self._context.clock.now())
        at = await super()._do_what_is_due(request_id)
        if bell := self.held.pop(request_id, None):
            self.is_looking.set()
            await bell.wait()
        return at


@pytest.fixture
def real(context: StepContext) -> StepContext:
    """With the time of the machine."""
    return dataclasses.replace(context, clock=Clock())


async def approve(context: StepContext, request_id: str) -> None:
    """People do."""
    async with context.store.transaction() as transaction:
        request = await context.load(request_id)
        await transaction.move(request, RequestState.APPROVED, decided_at=context.clock.now())


async def test_a_decision_is_carried_on_without_waiting_for_the_next_look(
    real: StepContext,
) -> None:
    """If the database is away in just that moment, it is tried again soon."""
    request_id, carried = await stored(real, 7), Carried()
    approvals = Slow(real, carried)
    approvals.wait_for([request_id])
    async with running(approvals), asyncio.timeout(10):
        while not approvals.looks:  # noqa: ASYNC110, it rings no bell
            await asyncio.sleep(0.01)
        await approve(real, request_id)
        carried.fails = StoreUnavailable()
        approvals.wake(request_id)
        assert await carried.carried() is RequestState.APPROVED


async def test_a_clock_that_jumps_forward_is_noticed_within_a_minute(
    context: StepContext, request_id: str, clock: HastyClock, thread: Thread
) -> None:
    """The machine had the wrong time when the wait began."""
    carried = Carried()
    approvals = Slow(context, carried)
    approvals.wait_for([request_id])
    async with running(approvals), asyncio.timeout(60):
        await until_time_is(clock, timedelta(minutes=5))
        clock.advance(hours=9)
        jumped_at = clock.now()
        assert await carried.carried() is RequestState.EXPIRED

    assert approvals.looked_at[1] - jumped_at <= timedelta(minutes=1)
    assert (await thread.lines())[-1] == ENDED


@pytest.mark.parametrize("how", ["look_at", "wake", "wake_all"])
async def test_a_look_that_came_too_early_is_repeated(real: StepContext, how: str) -> None:
    """It has read the request; the decision comes before it is over."""
    request_id, carried = await stored(real, 7), Carried()
    approvals, go_on = Slow(real, carried), asyncio.Event()
    approvals.held[request_id] = go_on
    approvals.wait_for([request_id])
    async with running(approvals), asyncio.timeout(10):
        await approvals.is_looking.wait()
        await approve(real, request_id)
        getattr(approvals, how)(*([] if how == "wake_all" else [request_id]))
        go_on.set()
        assert await carried.carried() is RequestState.APPROVED


async def test_looks_at_all_come_to_the_last_however_often_they_begin(real: StepContext) -> None:
    """The listener is cut off again and again, and nobody knows what it has missed."""
    ids = [await stored(real, number) for number in range(60)]
    approvals = Slow(real, Carried())
    approvals.wait_for(ids)
    async with running(approvals), asyncio.timeout(30):
        while set(ids) - set(approvals.looks):
            approvals.wake_all()
            await asyncio.sleep(0.05)


async def test_a_clock_that_is_set_back_delays_no_look(
    context: StepContext, request_id: str, clock: HastyClock
) -> None:
    """It was nine hours ahead when the bot started."""
    approvals = Slow(context, Carried())
    approvals.wait_for([request_id])
    clock.set_back(hours=9)
    async with running(approvals), asyncio.timeout(10):
        await until_time_is(clock, timedelta(minutes=1))

    assert approvals.looks == [request_id]


class Hanging(Everybody):
    """Slack doesn't say who is in a group."""

    async def members(
        self, ids: Iterable[str], *, max_age: float | None = None
    ) -> Mapping[str, frozenset[str] | None]:
        assert max_age is None
        await asyncio.Event().wait()
        return dict.fromkeys(ids)


async def test_a_reminder_that_waits_for_slack_holds_up_no_expiry(
    real: StepContext, thread: Thread
) -> None:
    """It mentions the group, whoever is in it."""
    context, carried = dataclasses.replace(real, people=Hanging()), Carried()
    reminded = [await stored(context, number, waited=2 * HOUR) for number in range(3)]
    expires = await stored(context, 9, waited=8 * HOUR - timedelta(seconds=0.5))
    approvals = Approvals(context, carried.carry_on)
    approvals.wait_for([*reminded, expires])
    async with running(approvals), asyncio.timeout(10):
        assert await carried.carried() is RequestState.EXPIRED
        while len(await thread.lines()) < 5:  # noqa: ASYNC110, it rings no bell
            await asyncio.sleep(0.1)

    assert sorted(await thread.lines()) == sorted([*[REMINDERS[0]] * 3, REMINDERS[2], ENDED])


class Counting(Clock):
    """Counts how often it is waited for."""

    def __init__(self) -> None:
        self.waits = 0

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        self.waits += 1
        return await super().wait(event, seconds)


async def test_more_looks_than_there_is_room_for_wait_in_peace(context: StepContext) -> None:
    """Slack doesn't say who is in a group, and there are many reminders."""
    clock = Counting()
    context = dataclasses.replace(context, clock=clock, people=Hanging())
    approvals = Approvals(context, Carried().carry_on)
    due = clock.now() + timedelta(seconds=1) - HOUR
    ids = [await stored(context, n, waited=clock.now() - due) for n in range(AT_ONCE + 5)]
    approvals.wait_for(ids)
    async with running(approvals):
        await asyncio.sleep(2)

    assert clock.waits < 10 * len(ids)


async def test_clicks_that_decide_nothing_leave_nothing_behind(real: StepContext) -> None:
    """Neither a plan of the same look nor another reminder."""
    request_id = await stored(real, 7, waited=1.5 * HOUR)
    approvals = Slow(real, Carried())
    approvals.wait_for([request_id])
    async with running(approvals), asyncio.timeout(10):
        for number in range(20):
            while len(approvals.looks) <= number:  # noqa: ASYNC110, the same
                await asyncio.sleep(0.01)
            approvals.look_at(request_id)

    assert len(approvals._queue) == 1  # noqa: SLF001, it grows unseen


async def test_a_thousand_waiting_requests_weigh_little(context: StepContext) -> None:
    """Twenty KiB for each is the limit; a workflow for each took 38."""
    approvals = Approvals(context, Carried().carry_on)
    ids = [f"{number:032}" for number in range(1000)]
    tracemalloc.start()
    approvals.wait_for(ids)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 1000 * 1024
