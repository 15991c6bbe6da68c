"""Time that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from bot.demo.clock import SimulatedClock

AT_WORK = 50  # looks whether those who were woken sleep again


class SteppedClock(SimulatedClock):
    """`advance` wakes, in order, all who sleep until a moment that has come."""

    def __init__(self, now: datetime = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)) -> None:
        self._start = now
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    @property
    def is_waited_for(self) -> bool:
        """Whether someone sleeps, and nothing but `advance` can wake them."""
        return self.sleepers > 0

    @property
    def sleepers(self) -> int:
        """How many sleep."""
        return sum(not done.done() for _, _, done in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return await asyncio.sleep(0)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), done))
        return await done

    def set_back(self, **span: float) -> None:
        """Let the time of day jump back, as when someone sets the machine's clock."""
        self._start -= timedelta(**span)

    async def let_pass(self, **span: float) -> None:
        """Let this much time pass, and those whom it wakes do their work."""
        sleepers = self.sleepers
        self.advance(**span)
        await asyncio.sleep(0.03)
        for _ in range(AT_WORK):  # some may have nothing left to wait for
            if self.sleepers >= sleepers:
                break
            await asyncio.sleep(0.01)

    def advance(self, **span: float) -> None:
        """Let this much time (`hours=8`) pass."""
        self._elapsed += timedelta(**span).total_seconds()
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, done = heapq.heappop(self._sleepers)
            if not done.done():
                done.set_result(None)
