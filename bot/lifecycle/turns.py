"""After a restart hundreds go on at once: one after the other, so that others get a word in."""

import asyncio

BREATH = 0.005  # seconds
MOST = 20  # breaths that anybody waits for the loop to calm down


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


class Turns:
    """A line in front of a busy loop."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def take(self) -> None:
        """Return when the loop has caught up with what the one before brought about."""
        async with self._line:
            await calm()
