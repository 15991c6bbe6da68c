"""Files that only their owner can read: the SQLite database, and what is exported from it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

log = structlog.get_logger(__name__)

BESIDE = ("-wal", "-shm")  # what SQLite keeps beside it while it is open
OWNERS_ALONE = 0o600
OTHERS = 0o007

Identity = tuple[int, int] | None  # device and inode; None if there is no such file


class FileGone(OperationalError):
    """The file was deleted, moved or replaced: what is written now is lost with the process."""

    def __init__(self, file: Path) -> None:
        super().__init__(None, None, FileNotFoundError(str(file)))


class SameFile:
    """Checks before a transaction, and before its commit, that the file is still in place.

    SQLite keeps writing to a file that was deleted or replaced. A check costs microseconds.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.resolve()
        self._files_beside = [_named(self._file, suffix) for suffix in BESIDE]
        self._opened: Identity = None
        self._connections: set[object] = set()  # those that are open
        self._beside_first: tuple[Identity, ...] | None = None  # what they have open beside it
        self._is_gone = False

    def connected(self, _: object, connection: object) -> None:
        """Count an open connection."""
        self._connections.add(connection)

    def closed(self, _: object, connection: object) -> None:
        """Count one less; SQLite removes what is beside the file with the last."""
        self._connections.discard(connection)
        if not self._connections:
            self._beside_first = None

    def check_path(self, *_: object) -> None:
        """Check before connecting, which would create an empty file. Raises FileGone."""
        self._judge(self._opened is None or identity(self._file) == self._opened)

    def check(self, _: Connection) -> None:
        """Raise FileGone if the file, or one beside it, isn't the one that was opened first."""
        self._opened = self._opened or identity(self._file)
        is_same = self._opened is not None and identity(self._file) == self._opened
        self._judge(is_same and self._beside_first in (None, self._beside()))

    def _judge(self, is_same: bool) -> None:  # noqa: FBT001, its only argument
        if not is_same and not self._is_gone:
            log.error("database_file_gone", file=str(self._file))
        self._is_gone = not is_same
        if not is_same:
            raise FileGone(self._file)

    def remember(self, _: Connection) -> None:
        """Note in the first transaction which files are beside it."""
        if self._beside_first is None and None not in (beside := self._beside()):
            self._beside_first = beside

    def _beside(self) -> tuple[Identity, ...]:
        return tuple(map(identity, self._files_beside))


def identity(file: Path) -> Identity:
    """Return the identity of the file at a path, or None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def make_private(file: Path) -> None:
    """Create the file so that only its owner can read it, or remove others' access to it.

    What SQLite creates beside it has the same mode. Access of the file's group isn't changed.
    Raises OSError if it can't be created.
    """
    open_private(file).close()
    for suffix in ("", *BESIDE):
        _shut_others_out(_named(file, suffix))


def open_private(file: Path) -> Any:
    """Open a file for appending; only its owner can read a new one, whatever the umask is."""

    def opener(path: str, flags: int) -> int:
        descriptor = os.open(path, flags | os.O_CLOEXEC, OWNERS_ALONE)
        if is_new:
            os.fchmod(descriptor, OWNERS_ALONE)
        return descriptor

    is_new = not file.exists()
    return open(file, "ab", opener=opener)


@contextmanager
def replaced(file: Path) -> Iterator[TextIO]:
    """Write a text file that only its owner can read: when the block ends, all is on disk.

    Until then, and if the block or a write fails, an older file of that name stays as it is.
    Raises OSError.
    """
    new = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        with open(new, "x", encoding="utf-8", newline="", opener=_as_owner) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync(file.parent)


def _as_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, OWNERS_ALONE)


def _sync(folder: Path) -> None:
    """Have the names in a folder on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shut_others_out(file: Path) -> None:
    try:
        mode = file.stat().st_mode & 0o777
        if mode & OTHERS:
            file.chmod(OWNERS_ALONE)
            log.warning("database_file_made_private", file=str(file), was=f"{mode:04o}")
    except FileNotFoundError:
        return
    except OSError:
        log.warning("database_file_is_open_to_others", file=str(file))


def _named(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")
