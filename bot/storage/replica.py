"""One of several processes on one PostgreSQL database: it lives, and hears what others decide."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import delete, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.storage.tables import replicas
from bot.storage.transaction import DECIDED

LOCK = 0x0BAC  # the class of advisory locks that say "I live"

# A lock lives as long as its connection: a machine that froze is given up after ten seconds.
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Replica:
    """Holds an advisory lock on its id for as long as it lives, on a connection of its own."""

    def __init__(
        self, replica_id: str, connection: psycopg.AsyncConnection, engine: AsyncEngine
    ) -> None:
        self.id = replica_id
        self._connection = connection
        self._engine = engine

    @classmethod
    async def join(cls, database_url: str, engine: AsyncEngine) -> Self:
        """Be one of them. Raises psycopg.Error."""
        address = make_url(database_url).set(drivername="postgresql")
        conninfo = make_conninfo(address.render_as_string(hide_password=False), **KEEPALIVE)
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        replica_id = f"replica-{uuid4().hex[:12]}"
        lock = "SELECT pg_advisory_lock(%s, hashtext(%s))"
        await connection.execute(lock, (LOCK, replica_id))
        await connection.execute("INSERT INTO replica (id) VALUES (%s)", (replica_id,))
        await connection.execute(f"LISTEN {DECIDED}")
        return cls(replica_id, connection, engine)

    async def run(self, wake: Callable[[str], None]) -> None:
        """Pass on the id of every request that somebody decided about, for ever.

        Raises psycopg.Error when the connection, and with it the lock, is lost: others may take
        over what this process does, so it has to end.
        """
        async for notification in self._connection.notifies():
            wake(notification.payload)

    @asynccontextmanager
    async def the_dead(self) -> AsyncIterator[list[str]]:
        """The ids of those who live no more; nobody else gets them before the block ends well."""
        is_free = func.pg_try_advisory_xact_lock(LOCK, func.hashtext(replicas.c.id))
        async with self._engine.begin() as connection:
            query = select(replicas.c.id).where(replicas.c.id != self.id, is_free)
            dead = list(await connection.scalars(query))
            yield dead
            await connection.execute(delete(replicas).where(replicas.c.id.in_(dead)))

    async def leave(self) -> None:
        """Live no more; the others take over."""
        await self._connection.close()
