"""Open and migrate the one database of the bot's tables and DBOS's journal."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.errors import SettingsError, StoreUnavailable
from bot.runtime.metrics import DATABASE_ERRORS
from bot.storage.file import SameFile, make_private

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(file.stem[:4] for file in MIGRATIONS.glob("versions/[0-9]*.py"))
REVISION = "SELECT version_num FROM alembic_version"
OLDEST_SQLITE = (3, 35)  # DBOS uses RETURNING
CONNECTIONS = 12  # of PostgreSQL, at the most
CONNECT_TIMEOUT = 5  # seconds to connect to PostgreSQL, and to get a connection of the pool

# A client whose host vanished is noticed after ten seconds, from either end.
CLIENT = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}
SERVER = {
    "tcp_keepalives_idle": 4,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# A process that froze in a transaction loses its locks before others time out on them.
FROZEN, LOCKED = 3_000, 10_000  # ms
_FILE = "same_file"  # the engine's execution option that holds its file's identity
MIGRATING = 60_000  # ms that a migration may think between two statements, or wait for a table


def open_engine(database_url: str, *, connections: int = CONNECTIONS) -> AsyncEngine:
    """Return an engine whose calls all have a timeout; nothing is read or written yet.

    Its errors leave out the parameters, since people's words must not reach the logs.
    """
    url = make_url(database_url)
    if not is_sqlite(url):
        return create_async_engine(
            url,
            connect_args=connect_args(url),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    sqlite = url.set(drivername="sqlite+aiosqlite")
    file = SameFile(Path(url.database or ""))
    options = {_FILE: file}
    engine = create_async_engine(sqlite, hide_parameters=True, execution_options=options)
    _guard(engine.sync_engine, file)
    return engine


def blocking_engine(engine: AsyncEngine) -> Engine:
    """Open the same SQLite file for a thread to write to; it is closed with the engine."""
    url = engine.url.set(drivername="sqlite")
    blocking = create_engine(url, hide_parameters=True)
    _guard(blocking, engine.get_execution_options()[_FILE])
    event.listen(engine.sync_engine, "engine_disposed", lambda _: blocking.dispose())
    return blocking


def _guard(engine: Engine, file: SameFile) -> None:
    event.listen(engine, "do_connect", file.check_path)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "connect", file.connected)
    event.listen(engine, "close", file.closed)
    event.listen(engine, "begin", file.check)
    event.listen(engine, "begin", _begin_as_writer)
    event.listen(engine, "begin", file.remember)
    event.listen(engine, "commit", file.check)


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def connect_args(
    url: URL, *, frozen_after: int = FROZEN, locked_for: int | None = LOCKED
) -> dict[str, Any]:
    """Return arguments for connections to PostgreSQL, so that neither end waits for a dead one.

    The server ends a transaction that is idle for `frozen_after` ms, and stops waiting for a
    lock after `locked_for` ms. Arguments in the URL take precedence.
    """
    settings = {**SERVER, "idle_in_transaction_session_timeout": frozen_after}
    if locked_for is not None:
        settings["lock_timeout"] = locked_for
    options = [f"-c {name}={value}" for name, value in settings.items()]
    said = url.query.get("options", "")
    options += [said] if isinstance(said, str) else said
    own = {"connect_timeout": CONNECT_TIMEOUT, **CLIENT}
    mine = {name: value for name, value in own.items() if name not in url.query}
    return {**mine, "options": " ".join(options).strip()}


def journal_args(database_url: str) -> dict[str, Any]:
    """Return the same for DBOS, which may wait for a lock while it builds its indexes."""
    url = make_url(database_url)
    if is_sqlite(url):
        return {}
    return {"application_name": "backup-bot journal", **connect_args(url, locked_for=None)}


@contextmanager
def unavailable() -> Iterator[None]:
    """Translate errors of the database and its connections to StoreUnavailable."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        cause = getattr(error, "orig", None) or error
        DATABASE_ERRORS.labels(type(cause).__name__).inc()
        raise StoreUnavailable from error


def migrate(database_url: str, to: str = "head") -> None:
    """Upgrade the bot's tables to this release's, or only up to a revision.

    Blocks: call it before the loop has work.
    Raises SettingsError if the database can't be opened.
    """
    url = make_url(database_url)
    if to == "head" and _revision(url) == NEWEST:
        if is_sqlite(url):
            make_private(Path(url.database or "").resolve())
        return  # Alembic takes 10 MB and a tenth of a second
    from alembic.util import CommandError  # noqa: PLC0415, as below

    try:
        _upgrade(url, to)
    except CommandError as error:
        raise SettingsError([f"DATABASE_URL: a newer release migrated it ({error})."]) from error
    except (OSError, DBAPIError) as error:
        raise cannot_open(error) from error


def cannot_open(error: OSError | DBAPIError) -> SettingsError:
    """Return the error that says why, in the driver's own words."""
    return SettingsError([f"DATABASE_URL: it can't be opened ({first_line(error)})."])


@contextmanager
def only_reading(database_url: str, what: str) -> Iterator[Connection]:
    """Open a database for a command that reads `what` and changes nothing.

    Raises SettingsError if there is no such database, or it can't be read.
    """
    url = make_url(database_url)
    file = Path(url.database or "").resolve()
    if is_sqlite(url) and not file.is_file():
        raise SettingsError([f"DATABASE_URL: there is no file {file}."])
    engine = open_read_only(url)
    try:
        with engine.connect() as connection:
            yield connection
    except (DBAPIError, OSError) as error:
        why = first_line(error)
        raise SettingsError([f"DATABASE_URL: its {what} can't be read ({why})."]) from error
    finally:
        engine.dispose()


def open_read_only(url: URL) -> Engine:
    """Return an engine that can't create an SQLite file, and writes to none."""
    if not is_sqlite(url):
        return create_engine(url, connect_args=connect_args(url))
    file = Path(url.database or "").resolve()
    address = f"{file.as_uri()}?mode=ro"
    if not file.with_name(f"{file.name}-wal").exists():
        address += "&immutable=1"  # or SQLite would leave files beside it
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))


def first_line(error: OSError | DBAPIError) -> str:
    """The driver's own first line: it names file or server, and never the password."""
    return str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]


def why_too_old() -> str | None:
    """Return why Python's SQLite can't be used, or None."""
    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return None
    oldest = ".".join(map(str, OLDEST_SQLITE))
    return f"Python's SQLite is {sqlite3.sqlite_version}, and the bot needs {oldest} or newer"


def _revision(url: URL) -> str | None:
    """Return the revision of the database, or None if it can't be read."""
    if is_sqlite(url) and not Path(url.database or "").is_file():
        return None
    engine = create_engine(url, connect_args={} if is_sqlite(url) else connect_args(url))
    try:
        with engine.connect() as connection:
            revision: str = connection.exec_driver_sql(REVISION).scalar_one()
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()
    return revision


def _upgrade(url: URL, to: str) -> None:
    from alembic import command  # noqa: PLC0415, `audit` and `check` do not wait for it
    from alembic.config import Config  # noqa: PLC0415, the same

    if is_sqlite(url) and url.database:
        if why := why_too_old():
            raise SettingsError([f"DATABASE_URL: {why}."])
        file = Path(url.database).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        make_private(file)
    engine = create_engine(url, connect_args={} if is_sqlite(url) else _migrating(url))
    if is_sqlite(url):
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", _be_patient)
        event.listen(engine, "begin", _begin_as_writer)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def _migrating(url: URL) -> dict[str, Any]:
    return connect_args(url, frozen_after=MIGRATING, locked_for=MIGRATING)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transaction handling begins too late; see `_begin_as_writer`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit is on disk before it returns
    cursor.execute("PRAGMA busy_timeout = 2000")  # who waits for longer has lost Slack's ack
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _be_patient(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 15000")  # no ack is waiting during startup


def _begin_as_writer(connection: Connection) -> None:
    # Taking the write lock first makes read-then-write one unit, and cannot deadlock.
    # A reader's BEGIN takes no lock, but all that it reads is of one moment.
    options = connection.get_execution_options()
    if not options.get("one_statement"):  # which is a transaction by itself
        connection.exec_driver_sql("BEGIN" if options.get("read_only") else "BEGIN IMMEDIATE")
