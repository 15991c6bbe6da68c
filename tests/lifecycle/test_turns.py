"""Hundreds that go on after a restart, and a loop that has other things to do as well."""

import asyncio
import time

from bot.lifecycle.turns import MOST, Turns


async def test_they_go_one_after_the_other() -> None:
    """Each once the loop has caught up with the one before."""
    turns, order = Turns(), list[int]()

    async def go_on(number: int) -> None:
        await turns.take()
        order.append(number)

    await asyncio.gather(*(go_on(number) for number in range(20)))

    assert order == [*range(20)]


async def test_a_loop_that_is_always_busy_holds_nobody_up_for_good() -> None:
    """After so many breaths one goes on all the same."""
    busy = True

    async def work() -> None:
        while busy:
            time.sleep(0.02)  # noqa: ASYNC251, that is what keeps it busy
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    async with asyncio.timeout(MOST * 1.0):
        await Turns().take()
    busy = False
    await working
