"""Counts the work in flight, so that a shutdown lets it finish and starts no more."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from bot.domain.errors import LeaseLost


class Lease(Protocol):
    """The right to work on this process's requests."""

    async def renew(self) -> None:
        """Extend it in the database. Raises LeaseLost and StoreUnavailable."""
        ...


class InFlight:
    """`async with in_flight:` around a call that changes something and the saving of its result.

    With a lease, each entry renews it first, in a transaction of its own. After `close`, or once
    the lease is lost, work that has entered can finish; new work waits until the process ends,
    and is done again after the next start. Raises StoreUnavailable if the lease can't be checked.
    """

    def __init__(self, lease: Lease | None = None) -> None:
        self._lease = lease
        self._count = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def check_lease(self) -> None:
        """Return if the lease is held; block forever if another process has taken over."""
        if self._lease:
            try:
                await self._lease.renew()
            except LeaseLost:
                await asyncio.Event().wait()

    def enter(self) -> None:
        """Count work that can't wait: it is counted even after `close`, and needs no lease."""
        self._count += 1
        self._empty.clear()

    def leave(self) -> None:
        """Count work that has ended."""
        self._count -= 1
        if not self._count:
            self._empty.set()

    async def __aenter__(self) -> None:
        await self.check_lease()
        if self._closed:
            await asyncio.Event().wait()
        self.enter()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()

    async def close(self, seconds: float) -> bool:
        """Admit no more work; return whether all of it ended within `seconds` of real time."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        return not self._count
