"""Who begins and goes on when, on a loop that has other things to do as well."""

import asyncio
import time

import pytest

from bot.runtime import loop_pacing
from bot.runtime.loop_pacing import MOST_TICKS, Debounce, LoopPacer

SLOW = 1.0  # seconds


async def test_they_go_one_after_the_other() -> None:
    """Each once the loop has caught up with the one before."""
    turns, order = LoopPacer(), list[int]()

    async def go_on(number: int) -> None:
        await turns.take()
        order.append(number)

    await asyncio.gather(*(go_on(number) for number in range(20)))

    assert order == [*range(20)]


async def test_a_loop_that_is_always_busy_delays_work_only_so_long() -> None:
    """After so many breaths one goes on all the same."""
    busy = True

    async def work() -> None:
        while busy:
            time.sleep(0.02)  # noqa: ASYNC251, that is what keeps it busy
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    async with asyncio.timeout(MOST_TICKS * 1.0):
        await LoopPacer().take()
    busy = False
    await working


async def test_work_starts_once_no_more_requests_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as people ask, their acks go first."""
    monkeypatch.setattr(loop_pacing, "DEBOUNCE", SLOW)  # however slow the machine is
    monkeypatch.setattr(loop_pacing, "LONGEST_DEBOUNCE", 60.0)
    debounce, loop = Debounce(), asyncio.get_running_loop()
    for _ in range(5):
        debounce.hold_off()
        coming = asyncio.create_task(debounce.wait())
        await asyncio.sleep(0.01)
        assert not coming.done()
        coming.cancel()
    began = loop.time()
    debounce.hold_off()
    await debounce.wait()

    assert loop.time() - began >= SLOW
    await asyncio.wait_for(debounce.wait(), SLOW / 3)


async def test_requests_that_never_stop_delay_work_only_so_long() -> None:
    """After a while the oldest begins all the same."""
    debounce = Debounce()
    coming = asyncio.create_task(debounce.wait())
    while not coming.done():
        debounce.hold_off()
        await asyncio.sleep(0)
