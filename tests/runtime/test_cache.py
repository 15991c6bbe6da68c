"""What is cached is loaded seldom, once at a time, and never older than its reader allows."""

import asyncio

import pytest

from bot.runtime.cache import Cache
from tests.stepped_clock import SteppedClock


class Remote:
    """A system that answers when it is let, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def read(self) -> int:
        self.calls += 1
        call = self.calls
        await self.answers.wait()
        if self.error:
            raise self.error
        return call


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def cache(clock: SteppedClock) -> Cache[str, int]:
    return Cache(clock)


@pytest.fixture
def remote() -> Remote:
    return Remote()


async def test_a_value_serves_until_its_ttl_is_over(
    cache: Cache[str, int], clock: SteppedClock, remote: Remote
) -> None:
    """Each reader says how old is too old."""
    assert await cache.get("a", remote.read, ttl=10) == 1
    clock.advance(seconds=9)
    assert await cache.get("a", remote.read, ttl=10) == 1
    assert await cache.get("a", remote.read, ttl=5) == 2
    clock.advance(seconds=10)
    assert await cache.get("a", remote.read, ttl=10) == 3


async def test_all_who_wait_share_one_call(cache: Cache[str, int], remote: Remote) -> None:
    """Even with a TTL of 0; another key is another call."""
    answers = await asyncio.gather(*(cache.get("a", remote.read, ttl=0) for _ in range(50)))
    assert answers == [1] * 50
    assert await cache.get("b", remote.read, ttl=60) == 2


async def test_a_stale_value_is_served_and_reloaded_behind_it(
    cache: Cache[str, int], clock: SteppedClock, remote: Remote
) -> None:
    """Nobody waits for the new one."""
    await cache.get("a", remote.read, ttl=300, stale_after=60)
    clock.advance(seconds=60)
    assert await cache.get("a", remote.read, ttl=300, stale_after=60) == 1
    assert cache.is_loading("a")
    await asyncio.sleep(0.01)
    assert await cache.get("a", remote.read, ttl=300, stale_after=60) == 2


async def test_who_gives_up_does_not_stop_the_others(
    cache: Cache[str, int], remote: Remote
) -> None:
    """The answer is kept for the next one, too."""
    remote.answers.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cache.get("a", remote.read, ttl=60)
    remote.answers.set()

    assert await cache.get("a", remote.read, ttl=60) == 1
    assert remote.calls == 1


async def test_a_failure_is_not_kept(cache: Cache[str, int], remote: Remote) -> None:
    """All who waited hear of it, and the next one asks again; an older value stays."""
    remote.error = OSError("away")
    failed = await asyncio.gather(
        *(cache.get("a", remote.read, ttl=60) for _ in range(2)), return_exceptions=True
    )
    assert failed == [remote.error] * 2
    assert remote.calls == 1
    remote.error = None
    assert await cache.get("a", remote.read, ttl=60) == 2
    remote.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        await cache.load("a", remote.read)

    assert cache.peek("a") == 2


async def test_the_age_counts_from_the_call_and_not_from_its_turn(
    cache: Cache[str, int], clock: SteppedClock
) -> None:
    """A call that queued for a minute brings news all the same."""

    async def turn() -> None:
        clock.advance(seconds=60)

    async def read() -> int:
        clock.advance(seconds=3)
        return 1

    await cache.load("a", read, turn=turn)

    assert cache.age("a") == 3
    assert cache.age("b") == float("inf")
    assert cache.peek("b") is None


async def test_closing_stops_what_is_loading(cache: Cache[str, int], remote: Remote) -> None:
    """So that nothing is left running on a loop that ends."""
    remote.answers.clear()
    task = cache.refresh("a", remote.read)
    await asyncio.sleep(0)
    await cache.close()

    assert task.cancelled()
    assert not cache.is_loading("a")
