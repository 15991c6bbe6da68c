"""Budgets that all replicas share, kept in the database."""

from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.clock import Clock
from bot.domain.errors import StoreUnavailable
from bot.storage.engine import unavailable

AGAIN = 1.0  # seconds until a database that does not answer is asked again

# One statement each: no replica holds the row while it thinks, or while it is frozen.
TAKE = text("""
    INSERT INTO budget AS b (name, taken, closed_until)
    VALUES (:name, json_build_array(CAST(:now AS double precision)), 0)
    ON CONFLICT (name) DO UPDATE SET taken = (
        SELECT CASE
            WHEN count(*) < :limit AND b.closed_until <= :now
            THEN (coalesce(jsonb_agg(at), '[]') || to_jsonb(CAST(:now AS double precision)))::json
            ELSE b.taken
        END
        FROM (SELECT value::float8 AS at FROM json_array_elements_text(b.taken)) AS calls
        -- What lies ahead was written by a clock that has been set back since.
        WHERE at > :now - :window AND at < :now + :window
    )
    RETURNING taken, closed_until
""")
STAND_BACK = text("""
    INSERT INTO budget AS b (name, taken, closed_until) VALUES (:name, '[]', :until)
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(b.closed_until, :until)
    RETURNING taken, closed_until
""")


class SharedLedger:
    """Counts on PostgreSQL. Time is each process's own: theirs have to agree within a second."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def take(self, name: str, limit: int, window: float) -> float:
        """0 if the call may be made, and is counted; else seconds until it is worth asking."""
        now = self._clock.now().timestamp()
        try:
            row = await self._execute(TAKE, name=name, limit=limit, window=window, now=now)
        except StoreUnavailable:
            return AGAIN
        if row["taken"] and row["taken"][-1] == now:
            return 0.0
        taken = sorted(at for at in row["taken"] if now - window < at < now + window)
        free_at = taken[-limit] + window if len(taken) >= limit else now
        return max(0.0, float(max(free_at, row["closed_until"]) - now))

    async def stand_back(self, name: str, seconds: float) -> None:
        """Allow no call for a while."""
        until = self._clock.now().timestamp() + seconds
        try:
            await self._execute(STAND_BACK, name=name, until=until)
        except StoreUnavailable:
            return  # the other side will say it again

    async def _execute(self, statement: Any, **values: object) -> RowMapping:
        with unavailable():
            async with self._engine.connect() as connection:
                return (await connection.execute(statement, values)).mappings().one()
