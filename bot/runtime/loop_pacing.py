"""Workflows begin and go on one after the other, so that whoever waits for an ack goes first."""

import asyncio

BREATH = 0.005  # seconds
MOST = 20  # breaths that anybody waits for the loop to calm down
LULL = 0.03  # seconds without a new request, after which those that came begin
LONGEST_LULL = 0.25  # seconds that the oldest of them waits for that at most


async def calm() -> None:
    """Return when the loop is on time again, or after a while if it never is.

    While it is late for everything, a click waits, and a message that was posted is not yet
    written down as such.
    """
    loop = asyncio.get_running_loop()
    for _ in range(MOST):
        began = loop.time()
        await asyncio.sleep(BREATH)
        if loop.time() - began < 2 * BREATH:
            return


class Lull:
    """A pause between people who ask; a workflow costs several times what an ack does."""

    def __init__(self) -> None:
        self._asked_at = float("-inf")

    def disturb(self) -> None:
        """Somebody asks."""
        self._asked_at = asyncio.get_running_loop().time()

    async def come(self) -> None:
        """Return when nobody has asked for a moment, or after a while if they never stop."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_LULL
        while loop.time() < min(self._asked_at + LULL, until):  # noqa: ASYNC110, a lull is no event
            await asyncio.sleep(BREATH)


class LoopPacer:
    """A line in front of a busy loop."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def take(self) -> None:
        """Return when the loop has caught up with what the one before brought about."""
        async with self._line:
            await calm()
