"""Rate limits shared by all replicas, in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.errors import StoreUnavailable
from bot.runtime.clock import Clock
from bot.storage.engine import unavailable

RETRY_GAP = 1.0  # seconds before a database that isn't responding is tried again

# One statement each: no replica holds the row while it thinks, or while it is frozen.
LIVING = """
    SELECT coalesce(json_agg(at), '[]') FROM (
        SELECT value::float8 AS at FROM json_array_elements_text(b.taken)
    ) AS calls
    -- What lies ahead was written by a clock that has been set back since.
    WHERE at > :now - :window AND at < :now + :window
"""
TAKE = text(f"""
    INSERT INTO budget AS b (name, taken, closed_until) VALUES (:name, :mine, 0)
    ON CONFLICT (name) DO UPDATE
    SET taken = (({LIVING})::jsonb || CAST(:mine AS jsonb))::json
    WHERE json_array_length(({LIVING})) < :limit AND b.closed_until <= :now
    RETURNING name
""")  # noqa: S608, a constant
STATE = text("SELECT taken, closed_until FROM budget WHERE name = :name")
COOL_DOWN = text("""
    INSERT INTO budget AS b (name, taken, closed_until) VALUES (:name, '[]', :until)
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(b.closed_until, :until)
""")


class SharedCallLog:
    """Counts calls in PostgreSQL. The clocks of the replicas have to agree within a second."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def take(self, name: str, limit: int, window: float) -> float:
        """Count the call and return 0 if it is allowed now; else return the seconds to wait."""
        now = self._clock.now().timestamp()
        known = {"name": name, "limit": limit, "window": window, "now": now, "mine": f"[{now}]"}
        try:
            async with self._connection() as connection:
                if (await connection.execute(TAKE, known)).first():
                    return 0.0
                row = (await connection.execute(STATE, {"name": name})).mappings().one()
        except StoreUnavailable:
            return RETRY_GAP
        taken = sorted(at for at in row["taken"] if now - window < at < now + window)
        free_at = taken[-limit] + window if len(taken) >= limit else now
        return max(0.0, float(max(free_at, row["closed_until"]) - now))

    async def cool_down(self, name: str, seconds: float) -> None:
        """Allow no calls for this many seconds."""
        until = self._clock.now().timestamp() + seconds
        try:
            async with self._connection() as connection:
                await connection.execute(COOL_DOWN, {"name": name, "until": until})
        except StoreUnavailable:
            return  # the other side will say it again

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        with unavailable():
            async with self._engine.connect() as connection:
                yield connection
