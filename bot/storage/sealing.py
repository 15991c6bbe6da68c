"""Seal audit entries: give each its place in the hash chain.

On SQLite, which has a single writer, the transaction that records an entry also chains it. On
PostgreSQL, that would make every transaction wait for every other to commit, and one frozen
replica would block all. So entries are committed unsealed there, and sealed right after, by the
replica that gets the lock, in a transaction that no command or click waits for. If a process dies
in between, the next sealer finds its entries.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.audit import GENESIS, AuditEntry, AuditKey, WrittenEntry, chained, key_id_of
from bot.domain.errors import SettingsError, StoreUnavailable
from bot.runtime.clock import Clock
from bot.storage.engine import cannot_open, unavailable
from bot.storage.tables import audit, unsealed

LOCK = 0x0BAC_0B07  # in PostgreSQL; its holder extends the chain
AT_ONCE = 500  # entries in one transaction
FROZEN = "5s"  # after this time, a frozen sealer loses its transaction and the lock
TICK = 10.0  # seconds between two checks for entries of dead processes
RETRY_GAP = 1.0  # seconds before the lock is tried again

log = structlog.get_logger(__name__)


def append(connection: Connection, entries: Iterable[AuditEntry], key: AuditKey | None) -> None:
    """Append entries to the chain. The caller has to hold the lock, or be the only writer."""
    links = chained(entries, *newest_entry(connection), key)
    connection.execute(insert(audit), [link.model_dump() for link in links])


async def wait_for_seal(connection: AsyncConnection, entries: Iterable[AuditEntry]) -> None:
    """Save entries that are sealed later."""
    await connection.execute(insert(unsealed), [entry.model_dump() for entry in entries])


class Sealer:
    """Chains what was committed to PostgreSQL, in the order in which it was written.

    An entry whose transaction took longer than a later one's is sealed after it: `at` is when
    it was decided, `number` only its place.
    """

    def __init__(
        self, engine: AsyncEngine, recorded: asyncio.Event, clock: Clock, key: AuditKey | None
    ) -> None:
        self._engine = engine
        self._recorded = recorded  # is set when entries were committed
        self._clock = clock
        self._key = key

    async def run(self) -> None:
        """Seal new entries, and those that dead processes left, as long as the bot runs."""
        while True:
            self._recorded.clear()
            try:
                is_done = await self.seal()
            except (StoreUnavailable, ValueError) as error:
                log.warning("audit_not_sealed", error=type(error).__name__)
                is_done = False
            if is_done:
                await self._clock.wait(self._recorded, TICK)
            else:
                await self._clock.sleep(RETRY_GAP)

    async def seal(self) -> bool:
        """Seal all waiting entries; return False if another replica has the lock or the key.

        Raises StoreUnavailable, and ValueError for an entry that can't be read.
        """
        count: int | None = AT_ONCE
        while count == AT_ONCE:
            with unavailable():
                count = await self._seal_some()
        return count is not None

    async def close(self) -> None:
        """Seal what is left, if the database responds."""
        with suppress(StoreUnavailable, ValueError):
            await self.seal()

    async def _seal_some(self) -> int | None:
        """Return how many entries were sealed; None if this replica may not."""
        async with self._engine.begin() as connection:
            if not await self._may_seal(connection):
                return None
            entries = await _taken(connection)
            if entries:
                await connection.run_sync(append, entries, self._key)
            return len(entries)

    async def _may_seal(self, connection: AsyncConnection) -> bool:
        bounded = func.set_config("idle_in_transaction_session_timeout", FROZEN, True)  # noqa: FBT003, of SQL
        got_lock = func.pg_try_advisory_xact_lock(LOCK)
        *_, is_ours = (await connection.execute(select(bounded, got_lock))).one()
        if not is_ours:
            return False
        # Without the key the chain would break here; a replica with the key continues it.
        return self._key is not None or not key_id_of((await connection.run_sync(newest_entry))[1])


async def check_key(engine: AsyncEngine, key: AuditKey | None) -> None:
    """Raises SettingsError if the log is sealed with a key and none is set, or can't be read."""
    try:
        async with engine.connect() as connection:
            _, newest = await connection.run_sync(newest_entry)
    except DBAPIError as error:
        raise cannot_open(error) from error
    if key is None and (key_id := key_id_of(newest)):
        raise SettingsError(
            [f"AUDIT_KEY is missing: the audit log is sealed with the key {key_id}."]
        )


async def _taken(connection: AsyncConnection) -> list[WrittenEntry]:
    oldest = select(unsealed.c.serial).order_by(unsealed.c.serial).limit(AT_ONCE)
    taken = delete(unsealed).where(unsealed.c.serial.in_(oldest)).returning(unsealed)
    rows = sorted((await connection.execute(taken)).mappings(), key=lambda row: row["serial"])
    return [WrittenEntry.model_validate(dict(row)) for row in rows]


def newest_entry(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the last sealed entry; of the first one's predecessor if none."""
    query = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (row.number, row.hash) if row else (0, GENESIS)
