"""The call budget: never too many, the urgent first."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rds.client import WINDOW, Priority, call_budget
from bot.runtime.rate_limit import Budget
from tests.stepped_clock import SteppedClock


async def taken(budget: Budget, priority: Priority, log: list[Priority]) -> None:
    """Take one call and write down that it was allowed."""
    await budget.take(priority)
    log.append(priority)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_burst_may_use_the_whole_minute_at_once() -> None:
    """Sixty calls leave at once; the next one waits until the minute is over."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(60, clock)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(61):
            tasks.create_task(taken(budget, Priority.CREATE, log))
        await settle()
        assert len(log) == 60
        clock.advance(seconds=61)
    assert len(log) == 61


async def test_the_urgent_overtake_those_who_wait() -> None:
    """A create that comes last goes first, even while a sweep waits for its turn."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(10, clock)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(9):
            tasks.create_task(taken(budget, Priority.SWEEP, log))
        await settle()
        assert len(log) == 8  # a fifth of the minute is kept for what is urgent
        tasks.create_task(taken(budget, Priority.CREATE, log))
        await settle()
        assert log[8:] == [Priority.CREATE]
        clock.advance(seconds=61)
    assert log[9:] == [Priority.SWEEP]


async def test_a_canceled_wait_uses_no_budget() -> None:
    """A cancelled waiter is not counted, and holds nobody up."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(1, clock)
    await budget.take(Priority.CREATE)
    waiter = asyncio.create_task(taken(budget, Priority.CREATE, log))
    await settle()
    waiter.cancel()
    await settle()
    clock.advance(seconds=61)
    await budget.take(Priority.CREATE)

    assert log == []


async def test_a_cool_down_holds_for_all_callers() -> None:
    """After a 429 nothing leaves until the time is over."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(60, clock)
    await budget.cool_down(30)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(taken(budget, Priority.CREATE, log))
        await settle()
        clock.advance(seconds=29)
        await settle()
        assert log == []
        clock.advance(seconds=2)
    assert log == [Priority.CREATE]


# Others use the same limit


async def test_a_429_halves_the_calls() -> None:
    """Nothing leaves while RDS wants a pause, and half as much as before from then on."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(60, clock)
    await budget.crowded(10)
    assert (budget.share, budget.limit) == (30, 60)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(31):
            tasks.create_task(taken(budget, Priority.LOOK_UP, log))
        await settle()
        assert log == []
        clock.advance(seconds=11)
        await settle()
        assert len(log) == 30
        clock.advance(seconds=WINDOW)


async def test_the_calls_come_back_a_twentieth_a_minute() -> None:
    """Ten minutes after one 429, all of them are made again."""
    clock = SteppedClock()
    budget = call_budget(60, clock)
    await budget.crowded(0)
    shares = []
    for _ in range(12):
        shares.append(budget.share)
        clock.advance(seconds=WINDOW)

    assert shares == pytest.approx([30 + 3 * n for n in range(11)] + [60], abs=1)
    assert shares[-1] == 60


async def test_an_eighth_of_the_calls_is_always_made() -> None:
    """However often RDS returns 429, and however long the pause is that it asks for."""
    clock = SteppedClock()
    budget = call_budget(80, clock)
    for _ in range(10):
        await budget.crowded(600)
        assert budget.share >= 10
        clock.advance(seconds=610)

    assert budget.share == 10
    assert call_budget(1, clock).spared == 1


async def test_answers_to_calls_on_their_way_halve_once() -> None:
    """Five calls were sent at once, and each is answered with 429."""
    clock = SteppedClock()
    budget = call_budget(60, clock)
    for _ in range(5):
        await budget.crowded(30)

    assert budget.share == 30


async def test_the_pause_does_not_count_as_recovery() -> None:
    """As long as nothing is sent, nothing is learned about the others."""
    clock = SteppedClock()
    budget = call_budget(60, clock)
    await budget.crowded(300)
    assert budget.share == 30
    clock.advance(seconds=300)
    assert budget.share == 30


async def test_people_keep_their_fifth_of_a_shrunk_budget() -> None:
    """The watcher takes what it may, and a command still gets its call at once."""
    clock, log = SteppedClock(), list[Priority]()
    budget = call_budget(60, clock)
    await budget.crowded(0)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(25):
            tasks.create_task(taken(budget, Priority.PROGRESS, log))
        await settle()
        assert len(log) == budget.spared == 24
        for _ in range(6):
            tasks.create_task(taken(budget, Priority.LOOK_UP, log))
        await settle()
        assert log[24:] == [Priority.LOOK_UP] * 6
        clock.advance(seconds=WINDOW + 1)


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=1, max_size=20),
)
def test_the_share_stays_between_an_eighth_and_the_limit(
    limit: int, crowds: list[tuple[float, float]]
) -> None:
    """Whenever and however often RDS returns 429."""

    async def shares() -> None:
        clock = SteppedClock()
        budget = call_budget(limit, clock)
        for pause, gap in crowds:
            await budget.crowded(pause)
            clock.advance(seconds=gap)
            assert max(1, limit // 8) <= budget.share <= limit
            assert 1 <= budget.spared <= budget.share

    asyncio.run(shares())
