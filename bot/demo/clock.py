"""Faster time, so that a backup of seven minutes takes seven seconds to watch."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bot.clock import Clock


class FastClock(Clock):
    """Runs `speed` times as fast as real time, from now on."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = datetime.now(UTC)
        self._real = time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._real) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)
