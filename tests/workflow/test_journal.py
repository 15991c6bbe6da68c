"""DBOS's journal opens on every SQLite that a supported Python may be linked with."""

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.workflow.journal import open_sqlite


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
