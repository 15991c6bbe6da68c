"""A gate before everything that changes the world, so that a shutdown cuts nothing in two."""

import asyncio
from contextlib import suppress
from types import TracebackType


class Gate:
    """`async with gate:` around a call and the writing down of its result.

    Once closed, those inside finish and nobody enters any more: who comes waits until the
    process ends, and does it again after the next start.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def __aenter__(self) -> None:
        if self._closed:
            await asyncio.Event().wait()
        self._inside += 1
        self._empty.clear()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    async def close(self, seconds: float) -> bool:
        """Let nobody in, and return whether all inside were done within `seconds` of real time."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        return not self._inside
