"""What every test can ask for."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store
from tests.postgresql import running_postgresql
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, SPEED, Opens, Story

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a real PostgreSQL, started for these tests."""
    with running_postgresql() as server:
        yield server.uri


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A database file of the test's own."""
    return f"sqlite:///{tmp_path}/backup-bot.db"


@pytest.fixture
def postgresql_url(postgresql: str) -> str:
    """A PostgreSQL database of the test's own."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgresql.replace("postgresql://", "postgresql+psycopg://").replace(
        "/postgres?", f"/{name}?"
    )


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A migrated store, on a real file and on a real PostgreSQL."""
    kind = {"sqlite": "database_url", "postgresql": "postgresql_url"}[request.param]
    url: str = request.getfixturevalue(kind)
    migrate(url)
    engine = open_engine(url)
    yield Store(engine)
    await engine.dispose()


@pytest.fixture
def opens(tmp_path: Path, database_url: str) -> Opens:
    """Opens a world with a config and a clock of the test's own; the bot does not run yet."""

    @asynccontextmanager
    async def opening(
        config: str = CONFIG, clock: SteppedClock | FastClock | None = None
    ) -> AsyncIterator[Story]:
        clock = clock or FastClock(SPEED)
        file = tmp_path / "backup-bot.toml"
        file.write_text(config, "utf-8")
        files = {"BACKUP_BOT_CONFIG": str(file), "DATABASE_URL": database_url}
        async with offline_world(clock) as world:
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
