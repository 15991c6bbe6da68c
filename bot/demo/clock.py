"""Faster time, so that a backup of seven minutes takes seven seconds to watch."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, PositiveFloat

from bot.domain.frozen import Frozen
from bot.runtime.clock import Clock


class Tempo(Frozen):
    """How a clock goes since `real`, in seconds of `time.monotonic()`.

    That is one for all processes of a machine: who has the tempo reads the same time.
    """

    speed: PositiveFloat  # seconds of the clock in a second of real time
    real: float
    shown: AwareDatetime  # the time of day then
    elapsed: float = 0.0  # the clock's `monotonic()` then


class SimulatedClock(Clock):
    """A clock whose time is not the event loop's."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Return True as soon as `event` is set, or False after `seconds` of this clock."""
        waiter = asyncio.ensure_future(event.wait())
        sleeper = asyncio.ensure_future(self.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            sleeper.cancel()
        return event.is_set()


class FastClock(SimulatedClock):
    """Runs `speed` times as fast as real time, from now on; the speed may be changed."""

    def __init__(self, speed: float) -> None:
        self.tempo = Tempo(speed=speed, real=time.monotonic(), shown=datetime.now(UTC))
        self._changed = asyncio.Event()

    @classmethod
    def like(cls, tempo: Tempo) -> Self:
        """A clock that shows what another one shows, which may be another process's."""
        clock = cls(tempo.speed)
        clock.tempo = tempo
        return clock

    def now(self) -> datetime:
        return self.tempo.shown + timedelta(seconds=self.monotonic() - self.tempo.elapsed)

    def monotonic(self) -> float:
        return self.tempo.elapsed + (time.monotonic() - self.tempo.real) * self.tempo.speed

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            try:
                async with asyncio.timeout(left / self.tempo.speed):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def change(self, speed: float) -> Tempo:
        """Go on at another speed, also for who sleeps by this clock just now."""
        real = time.monotonic()
        elapsed = self.tempo.elapsed + (real - self.tempo.real) * self.tempo.speed
        shown = self.tempo.shown + timedelta(seconds=elapsed - self.tempo.elapsed)
        tempo = Tempo(speed=speed, real=real, shown=shown, elapsed=elapsed)
        self.follow(tempo)
        return tempo

    def follow(self, tempo: Tempo) -> None:
        """Go as another clock goes from now on."""
        self.tempo = tempo
        self._changed.set()
        self._changed = asyncio.Event()
