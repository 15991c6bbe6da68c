"""Look at the database before the bot uses it, and change nothing."""

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL, Connection, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bot.domain.audit import AuditKey, key_id_of
from bot.storage.engine import NEWEST, first_line, is_sqlite, open_read_only, why_too_old
from bot.storage.locks import lock_file
from bot.storage.sealing import newest_entry
from bot.storage.tables import audit, slack_tokens

SQLITE = b"SQLite format 3\0"  # how a file begins (sqlite.org/fileformat.html)
OUR_REVISION = re.compile(r"\d{4}")
OLDEST_SERVER = 13  # what PostgreSQL's own project still supported when this was tested
MOUNTS = Path("/proc/mounts")
NETWORK = re.compile(
    r"nfs\d?|cifs|smb3?|smbfs|9p|ceph|glusterfs|fuse\.(sshfs|s3fs|rclone|glusterfs)"
)
RIGHTS = """
    SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
           current_setting('server_version_num')::int / 10000,
           has_database_privilege(current_database(), 'CREATE')
               OR to_regnamespace('dbos') IS NOT NULL,
           COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false),
           current_setting('server_encoding'),
           (SELECT CASE rolconnlimit WHEN -1 THEN 1000000 ELSE rolconnlimit END
              FROM pg_roles WHERE rolname = current_user),
           current_setting('max_connections')::int
"""
OF_A_REPLICA = 25  # connections: the pool, the journal's, the lease, and one to spare
LITTLE_SPACE = 100 * 1024**2  # bytes


class Trouble(Enum):
    """What can be wrong with a database."""

    NOT_WRITABLE = auto()
    FOREIGN = auto()
    NEWER = auto()
    IN_USE = auto()
    NETWORK_DRIVE = auto()
    UNREACHABLE = auto()
    REFUSED = auto()
    READ_ONLY = auto()
    NO_RIGHTS = auto()
    TOO_OLD = auto()
    KEY_MISSING = auto()
    KEY_CHANGED = auto()
    ENCODING = auto()
    FEW_CONNECTIONS = auto()
    LITTLE_SPACE = auto()


SLIGHT = {  # the bot starts all the same
    Trouble.IN_USE,
    Trouble.NETWORK_DRIVE,
    Trouble.KEY_CHANGED,
    Trouble.FEW_CONNECTIONS,
    Trouble.LITTLE_SPACE,
}


class Found(NamedTuple):
    """One trouble, and how it shows; the text has no password in it."""

    trouble: Trouble
    text: str


class Inspection(NamedTuple):
    """What was found. `revision` is "" for a database that is still to be made."""

    found: list[Found]
    revision: str = ""

    @property
    def to_migrate(self) -> bool:
        """Whether the next start changes the tables."""
        return "" < self.revision < NEWEST


def inspect_database(database_url: str, *, key: AuditKey | None = None) -> Inspection:
    """Return all that is wrong with the database; nothing is created or written.

    `key` is the one with which the bot would seal the audit log.
    """
    url = make_url(database_url)
    found = list(_sqlite(Path(url.database or "")) if is_sqlite(url) else ())
    if {one.trouble for one in found} - SLIGHT:
        return Inspection(found)
    if is_sqlite(url) and not _has_content(Path(url.database or "")):
        return Inspection(found)
    engine = open_read_only(url)
    try:
        with engine.connect() as connection:
            if not is_sqlite(url):
                found += _server(connection)
            revision = _revision(connection)
            found += _content(connection, revision, key)
    except (DBAPIError, OSError) as error:
        return Inspection([*found, _not_opened(url, error)])
    except TypeError:  # the driver gives bytes where the encoding is none, and SQLAlchemy trips
        return Inspection([*found, Found(Trouble.ENCODING, "its encoding is SQL_ASCII")])
    finally:
        engine.dispose()
    return Inspection(found, revision or "")


def stored_slack_token(database_url: str) -> str | None:
    """Return the bot token that was last renewed, if there is one that can be read."""
    engine = open_read_only(make_url(database_url))
    try:
        with engine.connect() as connection:
            return connection.scalar(select(slack_tokens.c.access_token))
    except (DBAPIError, OSError):
        return None
    finally:
        engine.dispose()


def _sqlite(path: Path) -> Iterator[Found]:
    if why := why_too_old():
        yield Found(Trouble.TOO_OLD, why)
    file = path.resolve()
    if why := _why_not_writable(file):
        yield Found(Trouble.NOT_WRITABLE, why)
    elif file.exists() and not _is_sqlite_file(file):
        yield Found(Trouble.FOREIGN, f"{file} isn't an SQLite database")
    if is_in_use(file):
        yield Found(Trouble.IN_USE, f"a backup-bot runs on {file}")
    if kind := _network_drive(file.parent):
        yield Found(Trouble.NETWORK_DRIVE, f"{file.parent} is on a network drive ({kind})")
    if (free := shutil.disk_usage(_folder_of(file)).free) < LITTLE_SPACE:
        text = f"only {free // 1024**2} MB are free in {file.parent}"
        yield Found(Trouble.LITTLE_SPACE, text)


def _folder_of(file: Path) -> Path:
    """Return the folder of a file, or the one in which `run` makes it."""
    return next(one for one in file.parents if one.is_dir())


def _why_not_writable(file: Path) -> str | None:
    folder = next(one for one in file.parents if one.exists())  # `run` makes the others
    if file.exists() and not file.is_file():
        return f"{file} is not a file"
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return f"{file} isn't writable"
    if not folder.is_dir():
        return f"{folder} isn't a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} isn't writable"
    return None


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _is_sqlite_file(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(SQLITE)) in {b"", SQLITE}


def is_in_use(file: Path) -> bool:
    """Whether a running bot holds the file's lock. The lock file is not created."""
    try:
        with lock_file(file).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _network_drive(folder: Path) -> str | None:
    """Return the kind of the network drive that a folder is on, or None."""
    try:
        mounts = [line.split(" ") for line in MOUNTS.read_text("utf-8").splitlines()]
    except (OSError, UnicodeError):  # not Linux
        return None
    inside = [one for one in mounts if len(one) > 2 and folder.is_relative_to(one[1])]  # noqa: PLR2004, device, path, kind
    kind = max(inside, key=lambda one: len(one[1]), default=["", "", ""])[2]
    return kind if NETWORK.fullmatch(kind) else None


def _server(connection: Connection) -> Iterator[Found]:
    row = connection.execute(text(RIGHTS)).one()
    read_only, version, in_database, in_schema, encoding, of_role, of_server = row
    if encoding != "UTF8":
        yield Found(Trouble.ENCODING, f"its encoding is {encoding}")
    if min(of_role, of_server) < OF_A_REPLICA:
        whose = "the role" if of_role < of_server else "the server"
        why = f"{whose} allows only {min(of_role, of_server)} connections"
        yield Found(Trouble.FEW_CONNECTIONS, why)
    if read_only:
        yield Found(Trouble.READ_ONLY, "the server allows no writing")
    if version < OLDEST_SERVER:
        why = f"PostgreSQL is {version}, and the bot needs {OLDEST_SERVER} or newer"
        yield Found(Trouble.TOO_OLD, why)
    if not in_database or not in_schema:
        where = "the schema" if in_database else "the database"
        yield Found(Trouble.NO_RIGHTS, f"the role can't create tables in {where}")


def _revision(connection: Connection) -> str | None:
    """Return the revision of the bot's tables; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return next(map(str, revisions), None)


def _content(
    connection: Connection, revision: str | None, key: AuditKey | None
) -> Iterator[Found]:
    tables = set(inspect(connection).get_table_names())
    if revision is None:
        # Tables without a revision are another application's. A server's database may be shared.
        if connection.dialect.name == "sqlite" and tables:
            yield Found(Trouble.FOREIGN, "it has another application's tables")
    elif not OUR_REVISION.fullmatch(revision):
        yield Found(Trouble.FOREIGN, "it has another application's tables")
    elif revision > NEWEST:
        why = f"its tables are of revision {revision}, and this release knows {NEWEST}"
        yield Found(Trouble.NEWER, why)
    elif audit.name in tables and (key_id := key_id_of(newest_entry(connection)[1])):
        if key is None:
            yield Found(Trouble.KEY_MISSING, f"the audit log is sealed with the key {key_id}")
        elif key.id != key_id:
            why = f"the audit log was sealed with the key {key_id} until now, and this is {key.id}"
            yield Found(Trouble.KEY_CHANGED, why)


def _not_opened(url: URL, error: DBAPIError | OSError) -> Found:
    line = first_line(error)
    if is_sqlite(url):
        damaged = isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.DatabaseError)
        return Found(Trouble.FOREIGN if damaged else Trouble.NOT_WRITABLE, line)
    # A server that answered says FATAL, in whatever language it speaks.
    answered = "FATAL" in line or "no password supplied" in line
    return Found(Trouble.REFUSED if answered else Trouble.UNREACHABLE, line)
