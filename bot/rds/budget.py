"""The call budget: RDS allows 60 calls a minute a user, whatever they are for."""

import asyncio
import heapq
import itertools
from collections import deque
from enum import IntEnum

from bot.clock import Clock

# Huawei's default policy is "60 calls/min per user"; calls may take a second on their way.
WINDOW = 61.0  # seconds
SPARED = 0.8  # of the window is open to looks that can wait


class Priority(IntEnum):
    """What goes first when calls have to queue."""

    CREATE = 0
    LOOK_UP = 1
    SWEEP = 2
    PROGRESS = 3


class CallBudget:
    """At most so many calls in any minute, the most urgent first, each kind in its order."""

    def __init__(self, calls_per_minute: int, clock: Clock) -> None:
        self._limit = calls_per_minute
        self._clock = clock
        self._taken: deque[float] = deque()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._closed_until = 0.0
        self._dealing: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    async def take(self, priority: Priority) -> None:
        """Return when the call may be made; it is counted then."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        self._came.set()
        if self._dealing is None or self._dealing.done():
            self._dealing = asyncio.create_task(self._deal())
        await turn

    def stand_back(self, seconds: float) -> None:
        """Make no call for a while: RDS said that it had too many."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)

    async def _deal(self) -> None:
        while self._waiting:
            priority, _, turn = self._waiting[0]
            if turn.done():  # whoever waited was cancelled
                heapq.heappop(self._waiting)
            elif (wait := self._wait(priority)) > 0:
                self._came.clear()  # somebody more urgent may come meanwhile
                await self._clock.wait(self._came, wait)
            else:
                heapq.heappop(self._waiting)
                self._taken.append(self._clock.monotonic())
                turn.set_result(None)

    def _wait(self, priority: Priority) -> float:
        """Seconds until a call of this priority may be made."""
        now = self._clock.monotonic()
        while self._taken and self._taken[0] <= now - WINDOW:
            self._taken.popleft()
        limit = self._limit if priority < Priority.SWEEP else max(1, int(self._limit * SPARED))
        free_at = self._taken[-limit] + WINDOW if len(self._taken) >= limit else now
        return max(free_at, self._closed_until) - now
