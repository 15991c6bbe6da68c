"""Locks: one process per SQLite file; on PostgreSQL, one start and one pruner at a time."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import structlog
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.errors import SettingsError
from bot.storage.engine import cannot_open, connect_args, is_sqlite, unavailable
from bot.storage.file import open_private

log = structlog.get_logger(__name__)

STARTING = 0x0BAC_5747  # of PostgreSQL: its holder migrates
PRUNING = 0x0BAC_5748  # of PostgreSQL: its holder deletes what is old
RETRY_GAP = 0.2  # seconds
START_TIMEOUT = 30.0  # seconds; a live replica starts faster, and a frozen one never ends


def lock_file(file: Path) -> Path:
    """Return the file whose lock a running bot holds."""
    return file.with_name(f"{file.name}.lock")


@contextmanager
def only_process(database_url: str) -> Iterator[None]:
    """Hold the lock of a SQLite file. Raises SettingsError if another process has it."""
    url = make_url(database_url)
    if not is_sqlite(url) or not url.database:
        yield
        return
    file = Path(url.database).resolve()
    with ExitStack() as held:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context(open_private(lock_file(file)))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            why = f"another backup-bot runs on {file}; for several at once use PostgreSQL"
            raise SettingsError([f"DATABASE_URL: {why}."]) from error
        except OSError as error:
            raise cannot_open(error) from error
        yield


@asynccontextmanager
async def only_pruner(engine: AsyncEngine) -> AsyncIterator[bool]:
    """Hold the lock for pruning; False if another replica has it. Raises StoreUnavailable.

    A replica that is cut off loses the lock with its connection, so two can overlap for a
    moment; each step of pruning is safe then.
    """
    if is_sqlite(engine.url):
        yield True
        return
    with unavailable():
        async with engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            is_only = await alone.scalar(select(func.pg_try_advisory_lock(PRUNING)))
            try:
                yield bool(is_only)
            finally:
                if is_only:
                    await alone.execute(select(func.pg_advisory_unlock(PRUNING)))


@asynccontextmanager
async def one_at_a_time(database_url: str) -> AsyncIterator[None]:
    """Hold PostgreSQL's start lock, or go on without it after 30 s. Raises SettingsError."""
    url = make_url(database_url)
    if is_sqlite(url):
        yield
        return
    # Neither in a transaction nor waiting in a statement: DBOS builds indices concurrently,
    # which waits for all of those to end.
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args=connect_args(url))
    deadline = time.monotonic() + START_TIMEOUT
    try:
        with engine.connect() as connection:
            try_lock = text("SELECT pg_try_advisory_lock(:key)")
            while not connection.scalar(try_lock, {"key": STARTING}):
                if time.monotonic() > deadline:
                    log.warning("start_not_waited_for", seconds=START_TIMEOUT)
                    break
                await asyncio.sleep(RETRY_GAP)
            yield
    except DBAPIError as error:
        raise cannot_open(error) from error
    finally:
        engine.dispose()
