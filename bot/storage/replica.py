"""A replica: one of several processes on one PostgreSQL database, with its lease."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import uuid4

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.errors import LeaseLost, SettingsError, StoreUnavailable
from bot.runtime.metrics import LEASES_LOST
from bot.storage.engine import connect_args, open_engine, unavailable
from bot.storage.tables import replicas
from bot.storage.transaction import DECIDED

log = structlog.get_logger(__name__)

LEASE = 10.0  # seconds after its last heartbeat at which a replica is taken for dead
BEATS = 5  # heartbeats in a lease
RETRY_GAP = 1.0  # seconds before a database that isn't responding is tried again
CONNECTIONS = 2  # of its own: a heartbeat must not queue behind queries


class Replica:
    """Holds a lease that it renews in the database, by the database's clock.

    Another replica that finds the lease expired deletes its row, in one statement. From then on
    it can't be renewed, and its process neither acts nor posts: it ends with LeaseLost.
    """

    def __init__(self, engine: AsyncEngine, *, lease: float = LEASE) -> None:
        self.id = f"replica-{uuid4().hex[:12]}"
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lease = lease
        self._lost = False
        self._steady_since: float | None = None  # since when every heartbeat was taken

    @classmethod
    async def join(cls, database_url: str, *, lease: float = LEASE) -> Self:
        """Take a lease. Raises SettingsError if the database isn't available."""
        replica = cls(open_engine(database_url, connections=CONNECTIONS), lease=lease)
        row = {"id": replica.id, "lease_expires_at": replica._expiry()}
        try:
            await replica._execute(insert(replicas).values(row))
        except StoreUnavailable as error:
            raise SettingsError(["DATABASE_URL: the database isn't accepting writes."]) from error
        return replica

    async def keep(self) -> None:
        """Renew the lease forever, through any outage. Raises LeaseLost."""
        while True:
            gap = self._lease / BEATS
            try:
                await self.renew()
            except StoreUnavailable:
                log.warning("lease_not_renewed", replica=self.id)
                gap = min(gap, RETRY_GAP)
            await asyncio.sleep(gap)

    async def renew(self) -> None:
        """Extend the lease to its full length from now. Raises LeaseLost and StoreUnavailable."""
        mine = update(replicas).where(replicas.c.id == self.id)
        while not self._lost:
            began = _uptime()
            try:
                renewed = await self._execute(mine.values(lease_expires_at=self._expiry()))
            except StoreUnavailable:
                self._steady_since = None
                raise
            if renewed.rowcount == 0:
                LEASES_LOST.inc()
                self._lost = True
            elif _uptime() - began < self._lease:  # or it has been frozen since the answer came
                if self._steady_since is None:
                    self._steady_since = began
                return
        raise LeaseLost(self.id)

    async def fence(self) -> list[str]:
        """Delete the expired leases of other replicas; return their ids.

        After an outage all replicas first get time to return. Raises StoreUnavailable.
        """
        if self._steady_since is None or _uptime() - self._steady_since < self._lease / 2:
            return []
        expired = replicas.c.lease_expires_at < func.now()
        gone = await self._execute(
            delete(replicas).where(expired, replicas.c.id != self.id).returning(replicas.c.id)
        )
        return list(gone.scalars())

    async def living(self) -> set[str]:
        """Return the ids of all replicas with a lease. Raises StoreUnavailable."""
        return set((await self._execute(select(replicas.c.id))).scalars())

    async def leave(self) -> None:
        """End the lease, so that the others take over at once."""
        mine = update(replicas).where(replicas.c.id == self.id)
        with suppress(StoreUnavailable):
            await self._execute(mine.values(lease_expires_at=func.now()))
        await self._engine.dispose()

    async def listen(self, decided: Callable[[str], None], missed: Callable[[], None]) -> None:
        """Call `decided` with the id of each request that another replica decided, forever.

        `missed` is called after each reconnect, since notifications may have been lost.
        """
        while True:
            try:
                async with await self._connection() as connection:
                    await connection.execute(f"LISTEN {DECIDED}")
                    missed()
                    async for notification in connection.notifies():
                        decided(notification.payload)
            except psycopg.Error as error:
                log.warning("decisions_not_heard", error=type(error).__name__)
            await asyncio.sleep(RETRY_GAP)

    async def _connection(self) -> psycopg.AsyncConnection:
        url = self._engine.url.set(drivername="postgresql")
        conninfo = make_conninfo(url.render_as_string(hide_password=False), **connect_args(url))
        return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)

    def _expiry(self) -> ColumnElement[datetime]:
        return func.now() + timedelta(seconds=self._lease)

    async def _execute(self, statement: Executable) -> CursorResult[Any]:
        with unavailable():
            async with self._engine.connect() as connection:
                result: CursorResult[Any] = await connection.execute(statement)
                return result


def _uptime() -> float:
    """Monotonic seconds that also count while the process is stopped or the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
