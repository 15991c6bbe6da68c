"""The injected clock: system time here, a faster or a stepped one in tests."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime


class Clock:
    """System time. All of the bot's waits use it, so that tests can control time."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backward."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Return True as soon as `event` is set, or False after `seconds`."""
        # No task: thousands of requests wait at the same time.
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await event.wait()
        return event.is_set()
