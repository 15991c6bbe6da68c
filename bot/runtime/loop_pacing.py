"""Keep the event loop free for acks: workflows start later and one at a time."""

import asyncio

TICK = 0.005  # seconds
MOST_TICKS = 20  # that a caller waits for the loop to catch up
DEBOUNCE = 0.03  # seconds without a new request, after which the waiting ones start
LONGEST_DEBOUNCE = 0.25  # seconds after which they start in any case


async def calm() -> None:
    """Return when the loop is on time again, or after 20 ticks.

    While it is late, acks and the saving of posted messages are delayed.
    """
    loop = asyncio.get_running_loop()
    for _ in range(MOST_TICKS):
        began = loop.time()
        await asyncio.sleep(TICK)
        if loop.time() - began < 2 * TICK:
            return


class Debounce:
    """Delays work until requests stop coming; starting a workflow costs several acks."""

    def __init__(self) -> None:
        self._requested_at = float("-inf")

    def hold_off(self) -> None:
        """Note that a request has arrived."""
        self._requested_at = asyncio.get_running_loop().time()

    async def wait(self) -> None:
        """Return after 30 ms without a request, but after 250 ms at the latest."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_DEBOUNCE
        while loop.time() < min(self._requested_at + DEBOUNCE, until):  # noqa: ASYNC110, no event
            await asyncio.sleep(TICK)


class LoopPacer:
    """Lets work start one piece at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Return when the loop has caught up with the work that started before."""
        async with self._lock:
            await calm()
