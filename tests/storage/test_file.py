"""The file of a SQLite database: nobody else reads it, and nothing is written to a lost one."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from bot.domain.errors import SettingsError, StoreUnavailable
from bot.storage.engine import migrate, open_engine
from bot.storage.file import FileGone
from bot.storage.inspection import inspect_database
from bot.storage.locks import only_process
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from tests.requests import NOON, asked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "bot.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    """A store that was written to before."""
    migrate(f"sqlite:///{file}")
    engine = open_engine(f"sqlite:///{file}")
    store = Store(engine)
    await store.probe()
    yield store
    await engine.dispose()


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o177])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(file: Path) -> dict[str, int]:
    return {
        path.name.removeprefix(file.name): path.stat().st_mode & 0o777
        for path in file.parent.iterdir()
    }


def replace(file: Path) -> None:
    new = file.with_name("new.db")
    shutil.copyfile(file, new)
    new.replace(file)


def put_back(file: Path) -> None:
    file.with_name("elsewhere.db").rename(file)


GOES: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "moved": lambda file: file.rename(file.with_name("elsewhere.db")),
    "replaced": replace,
    "its directory deleted": lambda file: shutil.rmtree(file.parent),
    "its directory moved": lambda file: file.parent.rename(file.parent.with_name("elsewhere")),
    "its log deleted": lambda file: file.with_name("bot.db-wal").unlink(),
}


@pytest.mark.parametrize("goes", GOES.values(), ids=GOES)
async def test_what_is_written_to_a_lost_file_is_not_accepted(
    store: Store, file: Path, goes: Callable[[Path], object]
) -> None:
    """However it was lost; and not once only."""
    goes(file)

    for _ in range(2):
        with pytest.raises(StoreUnavailable) as raised:
            await store.probe()
        assert isinstance(raised.value.__cause__, FileGone)
    with pytest.raises(StoreUnavailable):
        await Outbox(store).hurry(NOON)  # in one statement
    with pytest.raises(StoreUnavailable):
        await store.load("1")


async def test_what_the_database_does_not_do_is_counted(store: Store, file: Path) -> None:
    """By what its driver says."""

    def counted() -> float:
        kind = {"kind": "FileNotFoundError"}
        return REGISTRY.get_sample_value("backup_bot_database_errors_total", kind) or 0

    before = counted()
    GOES["moved"](file)
    with pytest.raises(StoreUnavailable):
        await store.probe()

    assert counted() == before + 1


async def test_a_file_that_is_lost_within_a_transaction_is_noticed(
    store: Store, file: Path
) -> None:
    """Before anybody is told that it is written down."""

    async def write() -> None:
        async with store.transaction() as transaction:
            await transaction.insert(asked())
            GOES["deleted"](file)

    with pytest.raises(StoreUnavailable):
        await write()


async def test_a_file_that_is_put_back_is_taken_again(store: Store, file: Path) -> None:
    """The very same, that is."""
    GOES["moved"](file)
    with pytest.raises(StoreUnavailable):
        await store.probe()
    put_back(file)

    await store.probe()


async def test_a_lost_file_does_not_come_back_empty(store: Store, file: Path) -> None:
    """A connection that is opened afterwards finds none."""
    await store.engine.dispose()
    GOES["deleted"](file)

    with pytest.raises(StoreUnavailable):
        await store.probe()
    assert list(file.parent.iterdir()) == []


async def test_connections_may_come_and_go(store: Store) -> None:
    """The last that is closed takes the log with it, and the next makes a new one."""
    for _ in range(2):
        await store.engine.dispose()
        await store.probe()


@pytest.mark.usefixtures("umask")
async def test_the_files_are_their_owners_alone(file: Path) -> None:
    """Whatever the umask is."""
    file.parent.mkdir(0o700)
    file.parent.chmod(0o700)
    with only_process(f"sqlite:///{file}"):
        migrate(f"sqlite:///{file}")
        engine = open_engine(f"sqlite:///{file}")
        await Store(engine).probe()
        found = modes(file)
        await engine.dispose()

    assert found == {"": 0o600, ".lock": 0o600, "-wal": 0o600, "-shm": 0o600}


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o666, 0o600), (0o640, 0o640)])
def test_others_are_shut_out_of_a_file_that_is_there(file: Path, before: int, after: int) -> None:
    """Not a group that somebody let in."""
    migrate(f"sqlite:///{file}")
    file.chmod(before)
    migrate(f"sqlite:///{file}")

    assert modes(file)[""] == after


def test_an_sqlite_that_is_too_old_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, by `run` and by `check`."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(SettingsError, match=r"needs 3\.35 or newer"):
        migrate(f"sqlite:///{file}")

    (found,) = inspect_database(f"sqlite:///{file}").found
    assert "needs 3.35 or newer" in found.text


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), BlockingIOError()])
def test_an_error_while_the_file_is_locked_is_not_one_of_the_lock(
    tmp_path: Path, error: OSError
) -> None:
    """Whatever ends the bot is told as it is, and not as a wrong DATABASE_URL."""
    with (
        pytest.raises(type(error)) as raised,
        only_process(f"sqlite:///{tmp_path / 'backup-bot.db'}"),
    ):
        raise error

    assert raised.value is error
