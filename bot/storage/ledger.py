"""Budgets that all replicas share, kept in the database."""

from sqlalchemy import Update, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from bot.storage.tables import budgets

AGAIN = 1.0  # seconds until a database that does not answer is asked again


class SharedLedger:
    """Counts on PostgreSQL. Time is each process's own: theirs have to agree within a second."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def take(self, name: str, limit: int, window: float) -> float:
        """0 if the call may be made, and is counted; else seconds until it is worth asking."""
        try:
            async with self._engine.begin() as connection:
                taken, closed_until = await self._locked(connection, name)
                now = self._clock.now().timestamp()
                # What lies ahead was written by a clock that has been set back since.
                taken = [at for at in taken if now - window < at < now + window]
                free_at = sorted(taken)[-limit] + window if len(taken) >= limit else now
                wait = max(free_at, closed_until) - now
                if wait <= 0:
                    await connection.execute(_changed(name, taken=[*taken, now]))
                return max(0.0, wait)
        except DBAPIError:
            return AGAIN

    async def stand_back(self, name: str, seconds: float) -> None:
        """Allow no call for a while."""
        try:
            async with self._engine.begin() as connection:
                _, closed_until = await self._locked(connection, name)
                until = max(closed_until, self._clock.now().timestamp() + seconds)
                await connection.execute(_changed(name, closed_until=until))
        except DBAPIError:
            return  # the other side will say it again

    async def _locked(self, connection: AsyncConnection, name: str) -> tuple[list[float], float]:
        new = insert(budgets).values(name=name, taken=[], closed_until=0.0)
        await connection.execute(new.on_conflict_do_nothing())
        query = select(budgets).where(budgets.c.name == name).with_for_update()
        row = (await connection.execute(query)).one()
        return row.taken, row.closed_until


def _changed(name: str, **values: object) -> Update:
    return update(budgets).where(budgets.c.name == name).values(**values)
