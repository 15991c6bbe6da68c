"""The call budget: never too many, the urgent first."""

import asyncio

from bot.rds.client import Priority, call_budget
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
