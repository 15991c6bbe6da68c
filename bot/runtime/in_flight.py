"""A gate before everything that changes the world: who may not act any more stays outside."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from bot.domain.errors import LeaseLost


class Lease(Protocol):
    """The right to act for the requests that this process works on."""

    async def renew(self) -> None:
        """Return when the database has extended it. Raises LeaseLost and StoreUnavailable."""
        ...


class Gate:
    """`async with gate:` around a call and the writing down of its result.

    Nobody enters without the lease, if there is one: it is renewed in a transaction of its own
    right before. Once the gate is closed or the lease is lost, those inside finish and nobody
    enters any more: who comes waits until the process ends, and does it again after the next
    start. Raises StoreUnavailable while nobody can tell whether the lease still stands.
    """

    def __init__(self, lease: Lease | None = None) -> None:
        self._lease = lease
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def hold(self) -> None:
        """Return if the lease stands; never if another process may have taken this one's place."""
        if self._lease:
            try:
                await self._lease.renew()
            except LeaseLost:
                await asyncio.Event().wait()

    async def __aenter__(self) -> None:
        await self.hold()
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
