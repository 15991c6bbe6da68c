"""Retries come ever more slowly, and not all at once."""

import asyncio

import pytest

from bot.domain.attempts import JITTER
from bot.runtime.backoff import Backoff
from tests.stepped_clock import SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


def test_each_delay_is_twice_the_last_up_to_the_longest(clock: SteppedClock) -> None:
    """Give or take a quarter."""
    backoff = Backoff(clock, 2.0, 60.0)
    delays = [backoff.failed() for _ in range(2000)]

    for delay, planned in zip(delays, [2, 4, 8, 16, 32, *[60] * 1995], strict=True):
        assert planned * (1 - JITTER) <= delay <= planned * (1 + JITTER)


def test_what_fails_together_is_not_retried_together(clock: SteppedClock) -> None:
    """Each has its own delays; a key's are the same whenever they are asked for."""
    assert len({Backoff(clock, 2.0, 60.0).failed() for _ in range(100)}) == 100
    assert (
        Backoff(clock, 2.0, 60.0, key="a").failed() == Backoff(clock, 2.0, 60.0, key="a").failed()
    )
    assert (
        Backoff(clock, 2.0, 60.0, key="a").failed() != Backoff(clock, 2.0, 60.0, key="b").failed()
    )


def test_success_starts_again_from_the_first_delay(clock: SteppedClock) -> None:
    """The next failure is another trouble."""
    backoff = Backoff(clock, 2.0, 60.0, key="a")
    first = backoff.failed()
    backoff.failed()
    backoff.reset()

    assert backoff.failures == 0
    assert backoff.failed() == first


async def test_it_waits_on_the_clock_that_it_is_given(clock: SteppedClock) -> None:
    """So a test can pass an hour in no time."""
    backoff = Backoff(clock, 100.0, 100.0)
    waiting = asyncio.create_task(backoff.wait())
    await asyncio.sleep(0)
    clock.advance(seconds=74)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(seconds=52)
    await waiting


async def test_a_wait_can_be_bounded(clock: SteppedClock) -> None:
    """Whatever the failures before."""
    backoff = Backoff(clock, 100.0, 100.0)
    waiting = asyncio.create_task(backoff.wait(at_most=5.0))
    await asyncio.sleep(0)
    clock.advance(seconds=5)
    await waiting

    assert backoff.failures == 1
