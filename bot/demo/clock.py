"""Faster time, so that a backup of seven minutes takes seven seconds to watch."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, PositiveFloat

from bot.runtime.clock import Clock


class Tempo(BaseModel, frozen=True):
    """How a clock goes since `real`, in seconds of `time.monotonic()`.

    That is one for all processes of a machine: who has the tempo reads the same time.
    """

    speed: PositiveFloat  # seconds of the clock in a second of real time
    real: float
    shown: AwareDatetime  # the time of day then
    elapsed: float = 0.0  # the clock's `monotonic()` then


class FastClock(Clock):
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
