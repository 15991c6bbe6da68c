"""A shutdown cuts nothing in two."""

import asyncio

import pytest

from bot.domain.errors import LeaseLost, StoreUnavailable
from bot.runtime.in_flight import InFlight


async def test_who_is_inside_may_finish() -> None:
    """Closing waits for a call under way and the writing down of its result."""
    in_flight, answered = InFlight(), asyncio.Event()
    done: list[str] = []

    async def call() -> None:
        async with in_flight:
            await answered.wait()
            done.append("written down")

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    closing = asyncio.create_task(in_flight.close(5))
    await asyncio.sleep(0)
    answered.set()

    assert await closing
    assert done == ["written down"]
    await calling


async def test_who_comes_later_waits_for_the_next_start() -> None:
    """After closing, nothing begins, and nothing fails."""
    in_flight = InFlight()
    await in_flight.close(0)
    late = asyncio.create_task(in_flight.__aenter__())
    await asyncio.sleep(0.01)

    assert not late.done()
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)


async def test_who_takes_too_long_is_cut_off() -> None:
    """The shutdown has a limit: whatever hangs is looked up at the next start."""
    in_flight = InFlight()
    async with in_flight:
        assert not await in_flight.close(0.01)


class Lease:
    """Renewed, or not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.renewed = 0

    async def renew(self) -> None:
        if self.error:
            raise self.error
        self.renewed += 1


async def test_everybody_renews_the_lease_on_the_way_in() -> None:
    """In the database, right before the call."""
    lease = Lease()
    in_flight = InFlight(lease)
    for _ in range(2):
        async with in_flight:
            pass

    assert lease.renewed == 2


async def test_no_work_starts_once_the_lease_is_lost() -> None:
    """Another process does this one's work: it waits until this one ends."""
    in_flight = InFlight(Lease(LeaseLost()))
    late = [
        asyncio.create_task(in_flight.__aenter__()),
        asyncio.create_task(in_flight.check_lease()),
    ]
    await asyncio.sleep(0.01)

    assert not any(task.done() for task in late)
    assert await in_flight.close(0)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def test_no_work_starts_while_the_lease_cannot_be_checked() -> None:
    """The step hears that the database is away, and tries again from what is true then."""
    with pytest.raises(StoreUnavailable):
        async with InFlight(Lease(StoreUnavailable())):
            pass


async def test_work_that_cannot_wait_is_counted_even_after_closing() -> None:
    """A listener that Bolt starts while the bot shuts down gets the same time as the others."""
    in_flight = InFlight()
    await in_flight.close(0)
    in_flight.enter()
    assert not await in_flight.close(0.01)
    in_flight.leave()

    assert await in_flight.close(0.01)
