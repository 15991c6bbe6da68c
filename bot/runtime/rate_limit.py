"""Rate limits for calls to RDS and Slack, by priority."""

import asyncio
import heapq
import itertools
from collections import defaultdict, deque
from typing import Protocol

from bot.runtime.clock import Clock


class CallLog(Protocol):
    """Counts the calls of each budget, in this process or across all replicas."""

    async def take(self, name: str, limit: int, window: float) -> float:
        """Count the call and return 0 if it is allowed now; else return the seconds to wait."""
        ...

    async def cool_down(self, name: str, seconds: float) -> None:
        """Allow no calls for this many seconds."""
        ...


class LocalCallLog:
    """Counts for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)
        self._closed_until: dict[str, float] = {}

    async def take(self, name: str, limit: int, window: float) -> float:
        now, taken = self._clock.monotonic(), self._taken[name]
        while taken and taken[0] <= now - window:
            taken.popleft()
        free_at = taken[-limit] + window if len(taken) >= limit else now
        wait = max(free_at, self._closed_until.get(name, now)) - now
        if wait <= 0:
            taken.append(now)
        return max(0.0, wait)

    async def cool_down(self, name: str, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        self._closed_until[name] = max(self._closed_until.get(name, until), until)


SPARED = 0.8  # of the limit; the rest is left to more urgent calls
LEAST_SHARE = 1 / 8  # of the limit
RECOVERY = 1 / 20  # of the limit, per window without a 429


class Budget:
    """At most `limit` calls in any `window` of seconds; most urgent first, then in order.

    Urgency 0 is the most urgent. From `spared_from` on, calls leave a fifth of the limit to more
    urgent ones. Where others use the same limit, it shrinks and recovers: half after each
    `crowded`, and a twentieth more per window.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        window: float,
        clock: Clock,
        call_log: CallLog | None = None,
        *,
        spared_from: int = 100,
    ) -> None:
        self.name = name
        self._limit = limit
        self._window = window
        self._clock = clock
        self._call_log = call_log or LocalCallLog(clock)
        self._spared_from = spared_from
        self._shrunk, self._shrunk_at = 1.0, float("-inf")  # the share of the limit, as of then
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._dealing: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    @property
    def queued(self) -> int:
        """How many calls are queued."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    @property
    def limit(self) -> int:
        """How many calls a window are configured."""
        return self._limit

    @property
    def share(self) -> int:
        """How many calls a window are made at most while others use the same limit."""
        windows = max(0.0, self._clock.monotonic() - self._shrunk_at) / self._window
        return max(1, int(self._limit * min(1.0, self._shrunk + windows * RECOVERY)))

    @property
    def spared(self) -> int:
        """How many of those may be calls that leave some to more urgent ones."""
        return max(1, int(self.share * SPARED))

    async def take(self, urgency: int = 0) -> None:
        """Wait until the call is allowed, and count it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), turn))
        self._came.set()
        if self._dealing is None or self._dealing.done():
            self._dealing = asyncio.create_task(self._deal())
        await turn

    async def take_now(self, urgency: int) -> bool:
        """Count the call and return True if it is allowed now and no other one is queued."""
        return not self.queued and await self._wait(urgency) == 0

    async def cool_down(self, seconds: float) -> None:
        """Make no calls for this many seconds, after the server returned 429."""
        await self._call_log.cool_down(self.name, seconds)

    async def crowded(self, seconds: float) -> None:
        """Make no calls for this many seconds and fewer from then on, since others make some."""
        now = self._clock.monotonic()
        if now >= self._shrunk_at:  # else it is about calls that were already on their way
            self._shrunk = max(LEAST_SHARE, self.share / self._limit / 2)
        self._shrunk_at = max(self._shrunk_at, now + seconds)
        await self.cool_down(seconds)

    async def _deal(self) -> None:
        while self._waiting:
            first = urgency, _, turn = self._waiting[0]
            self._came.clear()
            if turn.done():  # its caller was cancelled
                heapq.heappop(self._waiting)
            elif (wait := await self._wait(urgency)) > 0:
                await self._clock.wait(self._came, wait)  # something more urgent may come
            elif not turn.done():
                self._waiting.remove(first)
                heapq.heapify(self._waiting)
                turn.set_result(None)

    async def _wait(self, urgency: int) -> float:
        limit = self.spared if urgency >= self._spared_from else self.share
        return await self._call_log.take(self.name, limit, self._window)
