"""DBOS's journal opens on every SQLite that a supported Python may be linked with."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.errors import SettingsError
from bot.workflow.journal import Journal, open_sqlite
from tests.story import Opens

# As the proprietary package looks from outside (dbos/_enterprise.py).
ENTERPRISE = """
connected = []

class ConductorWebsocket:
    def __init__(self, dbos, **options):
        connected.append(options)

    def start(self):
        pass

    def stop(self):
        pass
"""


@pytest.fixture
def enterprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is installed."""
    (tmp_path / "dbos_enterprise.py").write_text(ENTERPRISE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("dbos_enterprise", None)


async def test_with_a_conductor_the_bot_works_as_without(
    enterprise: None, opens: Opens, database_url: str
) -> None:
    """It gets metadata only. Workflows belong to this process, and are found after a restart."""
    assert enterprise is None
    async with opens() as story:
        story.environ["DBOS_CONDUCTOR_KEY"] = "a-key-of-conductor"
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, "has started")
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as database:
            found = database.execute("SELECT status, executor_id FROM workflow_status").fetchall()
        async with story.bot():
            await story.until_said(card, "is complete")
    first, *_ = sys.modules["dbos_enterprise"].connected

    assert found == [("SUCCESS", "backup-bot"), ("PENDING", "backup-bot")]
    assert story.made("before-42") == 1
    assert first["conductor_key"] == "a-key-of-conductor"
    assert first["metadata_only_mode"] is True


async def test_it_stops_at_once(migrated_database_url: str) -> None:
    """Each stop took up to a second, until a thread of DBOS had slept enough."""
    took = 0.0
    for _ in range(5):
        journal = Journal(migrated_database_url, executor_id="backup-bot", connect_args={})
        journal.launch()
        began = time.monotonic()
        await journal.close()
        took += time.monotonic() - began

    assert took < 2.5


def test_a_key_without_its_package_stops_the_start(tmp_path: Path) -> None:
    """With what to install."""
    with pytest.raises(SettingsError, match=r'pip install "dbos\[enterprise\]=='):
        Journal(
            f"sqlite:///{tmp_path}/journal.db",
            executor_id="backup-bot",
            connect_args={},
            conductor_key="a-key-of-conductor",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT unixepoch('subsec') * 1000",
        "INSERT INTO stamped (id) VALUES (1) RETURNING at",
    ],
    ids=["asked", "default"],
)
def test_the_clock_of_a_current_sqlite_is_there(tmp_path: Path, statement: str) -> None:
    """DBOS asks for `unixepoch('subsec')` on Python 3.12; SQLite has it from 3.42 on."""
    (tmp_path / "journal.db").touch()
    engine = open_sqlite(f"sqlite:///{tmp_path}/journal.db")
    before = time.time()
    with engine.begin() as connection:
        default = "(unixepoch('subsec') * 1000)"
        connection.execute(
            text(f"CREATE TABLE stamped (id, at INTEGER NOT NULL DEFAULT {default})")
        )
        at = connection.scalar(text(statement))
    engine.dispose()

    assert before - 1 < at / 1000 < time.time() + 1
