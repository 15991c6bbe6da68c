"""What every test can ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A database file of the test's own."""
    return f"sqlite:///{tmp_path}/backup-bot.db"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A migrated store on a real file."""
    migrate(database_url)
    engine = open_engine(database_url)
    yield Store(engine)
    await engine.dispose()
