"""The budget that all replicas share, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.storage.engine import open_engine
from bot.storage.ledger import SharedCallLog
from tests.stepped_clock import SteppedClock

MINUTE = 60.0


@pytest.fixture
def clock() -> SteppedClock:
    """What all of them read."""
    return SteppedClock()


@pytest.fixture
async def ledgers(
    migrated_postgresql_url: str, clock: SteppedClock
) -> AsyncIterator[list[SharedCallLog]]:
    """Those of two replicas, each with connections of its own."""
    engines = [open_engine(migrated_postgresql_url) for _ in range(2)]
    yield [SharedCallLog(engine, clock) for engine in engines]
    for engine in engines:
        await engine.dispose()


async def taken(ledgers: list[SharedCallLog], *, tries: int = 10) -> int:
    """How many calls are allowed if all of them try at once."""
    trying = [ledger.take("rds", 6, MINUTE) for ledger in ledgers for _ in range(tries)]
    return (await asyncio.gather(*trying)).count(0.0)


async def test_it_holds_for_all_together(
    ledgers: list[SharedCallLog], clock: SteppedClock
) -> None:
    """Two replicas with a budget of six calls make six a minute, not twelve."""
    assert await taken(ledgers) == 6
    clock.advance(seconds=59)
    assert await taken(ledgers) == 0
    clock.advance(seconds=2)
    assert await taken(ledgers) == 6


async def test_one_that_stands_back_holds_all_back(
    ledgers: list[SharedCallLog], clock: SteppedClock
) -> None:
    """RDS said 429 to one of them."""
    await ledgers[0].cool_down("rds", 30)
    assert await taken(ledgers) == 0
    clock.advance(seconds=31)
    assert await taken(ledgers) == 6


async def test_whoever_has_to_wait_is_told_how_long(
    ledgers: list[SharedCallLog], clock: SteppedClock
) -> None:
    """Until the oldest call is a minute old."""
    for ledger in ledgers * 3:
        await ledger.take("rds", 6, MINUTE)
        clock.advance(seconds=1)

    assert await ledgers[0].take("rds", 6, MINUTE) == MINUTE - 6
