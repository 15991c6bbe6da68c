"""Rows of earlier releases, as the migrations leave them."""

import ast
import sqlite3
from pathlib import Path

import pytest

from bot.domain.audit import AuditEntry, chained
from bot.storage.engine import migrate

VERSIONS = Path(__file__).parents[2] / "bot" / "storage" / "migrations" / "versions"
ENTRIES = [
    (1, "2026-11-23 12:00:00.000000", "r1", "U0ANA", "asked", '{"name": "before-1"}', None),
    (2, "2026-11-23 12:00:01.000250", "r1", "backup-bot", "looked_up", "{}", "[approval]"),
    (
        3,
        "2026-11-23 12:05:00.000000",
        None,
        "U0BÉN",
        "ask_refused",
        '{"error": "NameTaken"}',
        None,
    ),
]
COLUMNS = "number, at, request_id, actor, action, detail, rule"


@pytest.mark.parametrize("file", sorted(VERSIONS.glob("*.py")), ids=lambda file: file.stem)
def test_a_migration_imports_nothing_of_the_bot(file: Path) -> None:
    """What it imports of the bot would be another thing in the next release."""
    tree = ast.parse(file.read_text("utf-8"))
    names = [
        name
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]

    assert not [name for name in names if name.split(".")[0] in ("bot", "handlers")]


def test_entries_without_hashes_are_linked_in_their_order(tmp_path: Path) -> None:
    """As today's code would link them: the chain is the same one."""
    file = tmp_path / "bot.db"
    migrate(f"sqlite:///{file}", "0001")
    with sqlite3.connect(file) as database:
        marks = ", ".join("?" * len(ENTRIES[0]))
        database.executemany(f"INSERT INTO audit ({COLUMNS}) VALUES ({marks})", ENTRIES)  # noqa: S608, constants
    migrate(f"sqlite:///{file}")
    with sqlite3.connect(file) as database:
        found = database.execute("SELECT number, previous, hash FROM audit ORDER BY number")
        rows = found.fetchall()

    assert rows == [(link.number, link.previous, link.hash) for link in chained(_entries())]


def _entries() -> list[AuditEntry]:
    keys = COLUMNS.split(", ")
    rows = (dict(zip(keys, entry, strict=True)) for entry in ENTRIES)
    return [
        AuditEntry.model_validate(
            {**row, "at": f"{row['at']}Z", "detail": ast.literal_eval(str(row["detail"]))}
        )
        for row in rows
    ]
