"""The budget that all replicas share, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.storage.call_log import SharedCallLog
from bot.storage.engine import open_engine
from tests.stepped_clock import SteppedClock

MINUTE = 60.0


@pytest.fixture
def clock() -> SteppedClock:
    """What all of them read."""
    return SteppedClock()


@pytest.fixture
async def call_logs(
    migrated_postgresql_url: str, clock: SteppedClock
) -> AsyncIterator[list[SharedCallLog]]:
    """Those of two replicas, each with connections of its own."""
    engines = [open_engine(migrated_postgresql_url) for _ in range(2)]
    yield [SharedCallLog(engine, clock) for engine in engines]
    for engine in engines:
        await engine.dispose()


async def taken(call_logs: list[SharedCallLog], *, tries: int = 10) -> int:
    """How many calls are allowed if all of them try at once."""
    trying = [call_log.take("rds", 6, MINUTE) for call_log in call_logs for _ in range(tries)]
    return (await asyncio.gather(*trying)).count(0.0)


async def test_all_replicas_share_one_limit(
    call_logs: list[SharedCallLog], clock: SteppedClock
) -> None:
    """Two replicas with a budget of six calls make six a minute, not twelve."""
    assert await taken(call_logs) == 6
    clock.advance(seconds=59)
    assert await taken(call_logs) == 0
    clock.advance(seconds=2)
    assert await taken(call_logs) == 6


async def test_a_cool_down_holds_for_all_replicas(
    call_logs: list[SharedCallLog], clock: SteppedClock
) -> None:
    """RDS said 429 to one of them."""
    await call_logs[0].cool_down("rds", 30)
    assert await taken(call_logs) == 0
    clock.advance(seconds=31)
    assert await taken(call_logs) == 6


async def test_a_call_over_the_limit_is_told_how_long_to_wait(
    call_logs: list[SharedCallLog], clock: SteppedClock
) -> None:
    """Until the oldest call is a minute old."""
    for call_log in call_logs * 3:
        await call_log.take("rds", 6, MINUTE)
        clock.advance(seconds=1)

    assert await call_logs[0].take("rds", 6, MINUTE) == MINUTE - 6
