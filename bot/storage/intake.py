"""Save requests that come at the same moment in one transaction, since commits are slow."""

import asyncio
from typing import NamedTuple

from bot.application.ports import Conflict
from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.storage.store import Store

MOST = 100  # requests in one transaction, so that the first need not wait for the last


class _Waiting(NamedTuple):
    request: BackupRequest
    entry: AuditEntry
    written: asyncio.Future[None]


class Intake:
    """A queue in front of the store: 500 commands at once take five commits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, request: BackupRequest, entry: AuditEntry) -> None:
        """Return when the request and its audit entry are on disk.

        Raises Conflict if the command, or an open request's name, is there already, and
        StoreUnavailable; then nothing of the two was written.
        """
        waiting = _Waiting(request, entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await waiting.written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                await self._together(batch)
            except Conflict:  # one of them: each for itself finds out which
                for waiting in batch:
                    await self._alone(waiting)
            except Exception as error:  # noqa: BLE001, the caller gets it
                lost = None if await self._is_written(batch[0]) else error
                for waiting in batch:
                    _settle(waiting, lost)

    async def _is_written(self, waiting: _Waiting) -> bool:
        """Whether the batch was saved and only the answer to the commit was lost."""
        try:
            return await self._store.load(waiting.request.id) is not None
        except StoreUnavailable:
            return False

    async def _together(self, batch: list[_Waiting]) -> None:
        requests = [waiting.request for waiting in batch]
        await self._store.submit(requests, [waiting.entry for waiting in batch])
        for waiting in batch:
            _settle(waiting)

    async def _alone(self, waiting: _Waiting) -> None:
        try:
            await self._together([waiting])
        except Exception as error:  # noqa: BLE001, the caller gets it
            _settle(waiting, None if await self._is_written(waiting) else error)


def _settle(waiting: _Waiting, error: Exception | None = None) -> None:
    if waiting.written.done():  # cancelled meanwhile
        return
    if error is None:
        waiting.written.set_result(None)
    else:
        waiting.written.set_exception(error)
