"""Delays between the retries of a call, on the injected clock.

stamina and tenacity sleep on real time, and can't be held to a clock that tests move. A delay
that has to survive a restart is saved with the request instead: `domain/attempts.py`.
"""

from uuid import uuid4

from bot.domain.attempts import delay_after
from bot.runtime.clock import Clock


class Backoff:
    """Exponential backoff with jitter: each delay is twice the last, up to `longest` seconds.

    The same `key` gives the same delays, so that a run can be repeated; without one they are
    random, so that processes that failed together don't retry together.
    """

    def __init__(self, clock: Clock, first: float, longest: float, *, key: str = "") -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._key = key or uuid4().hex
        self.failures = 0  # in a row

    def failed(self) -> float:
        """Count a failure; return the seconds to wait before the next try."""
        self.failures += 1
        return delay_after(self.failures, self._first, self._longest, self._key)

    async def wait(self, *, at_most: float = float("inf")) -> None:
        """Count a failure, and return when it is time for the next try."""
        await self._clock.sleep(min(self.failed(), at_most))

    def reset(self) -> None:
        """Start again from the first delay."""
        self.failures = 0
