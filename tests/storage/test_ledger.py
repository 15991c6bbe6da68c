"""What all replicas may call together is counted in one place, and nobody holds it up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.storage.engine import migrate, open_engine
from bot.storage.ledger import SharedLedger
from tests.stepped_clock import SteppedClock


@dataclass(frozen=True)
class One:
    """What a replica counts with."""

    ledger: SharedLedger
    clock: SteppedClock

    async def take(self, limit: int) -> float:
        return await self.ledger.take("rds", limit, 60.0)


@pytest.fixture
async def three(postgresql_url: str) -> AsyncIterator[list[One]]:
    """Replicas whose clocks agree."""
    migrate(postgresql_url)
    engine = open_engine(postgresql_url)
    clocks = [SteppedClock() for _ in range(3)]
    yield [One(SharedLedger(engine, clock), clock) for clock in clocks]
    await engine.dispose()


async def test_calls_at_the_same_moment(three: list[One]) -> None:
    """Of thirty calls in a minute of ten, ten are made; the others wait for the minute to end."""

    async def takes(one: One, first: float) -> list[float]:
        one.clock.advance(seconds=first)
        waits = []
        for _ in range(10):
            one.clock.advance(seconds=0.01)
            waits.append(await one.take(10))
        return waits

    found = await asyncio.gather(*(takes(one, n / 1000) for n, one in enumerate(three)))
    waits = [wait for waits in found for wait in waits]

    assert waits.count(0) == 10
    assert all(59 < wait <= 60 for wait in waits if wait)


async def test_after_a_minute_and_after_standing_back(three: list[One]) -> None:
    """Old calls are forgotten, and what one replica is told holds for all."""
    one, other, _ = three
    assert await one.take(1) == 0
    for replica in three:
        replica.clock.advance(seconds=61)
    await one.ledger.stand_back("rds", 30.0)

    assert await other.take(1) == 30.0
    for replica in three:
        replica.clock.advance(seconds=31)
    assert await other.take(1) == 0
    one.clock.advance(seconds=1)
    assert await one.take(1) == 59.0
