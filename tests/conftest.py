"""What every test can ask for."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, Pool, event
from sqlalchemy.util import LRUCache

from bot.demo.clock import FastClock
from bot.demo.playground import bot_process
from bot.demo.world import offline_world
from bot.outbox import dispatcher
from bot.storage.engine import open_engine
from bot.storage.store import Store
from tests.databases import Databases
from tests.fakes import UseCases
from tests.patient_loop import patient_loops
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, SPEED, Opens, Story
from tests.zygote import ForkedProcess, Zygote

# Databases write to the disk at each commit, which here nothing has to outlive.
MEMORY, ENOUGH = Path("/dev/shm"), 4 * 2**30  # noqa: S108, a file system that is no disk; bytes
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


# As the bot has it: standard output belongs to the commands, and tracebacks are plain. With
# colors and values they took a fifth of what some tests compute.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ],
    logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
)

TESTS = Path(__file__).parent
DATABASES = pytest.StashKey[Databases]()

# Or each process that tests start would compile the bot again, and each worker all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    """Who starts the run makes room for the databases of all its workers."""
    worker: dict[str, str] = getattr(config, "workerinput", {})
    directory = worker.get("databases") or tempfile.mkdtemp(prefix="backup-bot-tests-")
    config.stash[DATABASES] = Databases(Path(directory))


def pytest_configure_node(node: Any) -> None:
    """Tell a worker where they are."""
    node.workerinput["databases"] = str(node.config.stash[DATABASES].directory)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each worker compiles its share of all tests, and finds the others' when it collects."""
    worker: dict[str, Any] = getattr(session.config, "workerinput", {})
    if worker and not session.config.option.file_or_dir:
        share = slice(int(worker["workerid"].removeprefix("gw")), None, worker["workercount"])
        for file in sorted(TESTS.rglob("test_*.py"))[share]:
            with suppress(Exception):  # the collection says what is wrong
                import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """What stays until the end is not looked through by each garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Who made the room clears it."""
    if not hasattr(config, "workerinput"):
        config.stash[DATABASES].remove()


pytest_asyncio_loop_factories = patient_loops


@pytest.fixture(scope="session", autouse=True)
def _one_ssl_context() -> Iterator[None]:
    """Each bot would load all certificates of the machine, and speak plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", once)
        yield


class _CompiledByAll(LRUCache[tuple[Any, ...], Any]):
    """The statements that any engine has compiled, for all with its kind of dialect."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_by_kind(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(_by_kind(key), compiled)


def _by_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *rest = key
    return type(dialect), *rest


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    """A bot compiles what it executes, which took an eighth of a test that starts one."""
    with pytest.MonkeyPatch.context() as patch:
        compiled = _CompiledByAll(10_000)
        shared = property(lambda _: compiled, lambda *_: None)
        patch.setattr(Engine, "_compiled_cache", shared, raising=False)
        yield


@pytest.fixture(scope="session")
def _checked_out() -> set[object]:
    """The connections of databases that someone has taken from a pool, and not given back."""
    out: set[object] = set()
    event.listen(Pool, "checkout", lambda _, record, __: out.add(record))
    for end in ("checkin", "close"):
        event.listen(Pool, end, lambda _, record: out.discard(record))
    return out


@pytest.fixture(autouse=True)
def _connections_are_given_back(_checked_out: set[object]) -> Iterator[None]:
    """A lost one would be noticed by a garbage collection, in another test."""
    _checked_out.clear()
    yield
    assert not _checked_out


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Databases:
    """The databases of this run."""
    return pytestconfig.stash[DATABASES]


@pytest.fixture(scope="session")
def zygote(databases: Databases) -> Zygote:
    """Starts processes of the bot without their imports."""
    return Zygote(databases.directory)


@pytest.fixture(scope="session", autouse=True)
def _playgrounds_fork_their_bots(zygote: Zygote) -> Iterator[None]:
    async def start(module: str, *, start_new_session: bool, **options: Any) -> ForkedProcess:
        assert start_new_session  # as the zygote's all are, away from any terminal
        return await zygote.start(module, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot_process, "start_python", start)
        yield


@pytest.fixture(scope="session")
def postgresql(databases: Databases) -> str:
    """The address of a real PostgreSQL, started for these tests."""
    return databases.postgresql()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A database file of the test's own."""
    return f"sqlite:///{tmp_path}/backup-bot.db"


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    """A PostgreSQL database of the test's own."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def migrated_postgresql_url(databases: Databases) -> Iterator[str]:
    """A PostgreSQL database of the test's own, as a bot that ran leaves it."""
    url = databases.create(migrated=True)
    yield url
    databases.drop(url)


@pytest.fixture
def migrated_database_url(databases: Databases, database_url: str) -> str:
    """A database file of the test's own, as a bot that ran leaves it."""
    databases.copy(Path(database_url.removeprefix("sqlite:///")))
    return database_url


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A migrated store, on a real file and on a real PostgreSQL."""
    kind = {"sqlite": "migrated_database_url", "postgresql": "migrated_postgresql_url"}
    engine = open_engine(request.getfixturevalue(kind[request.param]))
    yield Store(engine)
    await engine.dispose()


@pytest.fixture
async def cases(migrated_database_url: str) -> AsyncIterator[UseCases]:
    """The use cases, with fakes at the ports; nothing has been requested yet."""
    cases = UseCases(migrated_database_url)
    yield cases
    await cases.store.engine.dispose()


@pytest.fixture
def opens(
    tmp_path: Path, databases: Databases, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Opens:
    """Opens a world with a config and a clock of the test's own; the bot does not run yet.

    Its cards show progress every two minutes, or most of a story would be these edits.
    """
    monkeypatch.setattr(dispatcher, "REFRESH", timedelta(minutes=2))

    @asynccontextmanager
    async def opening(
        config: str = CONFIG, clock: SteppedClock | FastClock | None = None
    ) -> AsyncIterator[Story]:
        clock = clock or FastClock(SPEED)
        file = tmp_path / "backup-bot.toml"
        file.write_text(config, "utf-8")
        files = {"BACKUP_BOT_CONFIG": str(file), "DATABASE_URL": database_url}
        databases.copy(Path(database_url.removeprefix("sqlite:///")))
        async with offline_world(clock) as world:
            if isinstance(clock, SteppedClock):  # a step of hours takes no time on the way
                world.region.gateway.clock_tolerance = timedelta(days=365)
            story = Story(world, world.environ | files, clock)
            yield story
            assert world.workspace.violations == []
            assert world.workspace.broadcast_mentions == []
            assert all(call.signed_ok in (True, None) for call in world.region.calls)

    return opening


@pytest.fixture
def fresh(database_url: str) -> Callable[[], None]:
    """Takes the database away, for a test that tells its story more than once."""

    def remove() -> None:
        file = Path(database_url.removeprefix("sqlite:///"))
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()

    return remove


@pytest.fixture
async def story(opens: Opens) -> AsyncIterator[Story]:
    """A running bot, ten minutes a second."""
    async with opens() as story, story.bot():
        yield story
