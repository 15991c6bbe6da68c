"""Rows of earlier releases, as the migrations leave them."""

import ast
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from bot.domain.audit import AuditEntry, chained
from bot.storage.engine import migrate, open_engine
from bot.storage.outbox import Outbox as MessagesToSend
from bot.storage.store import Store
from bot.storage.tables import metadata
from tests.requests import NOON

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


@pytest.mark.parametrize("kind", ["database_url", "postgresql_url"])
def test_the_migrations_make_the_tables_of_the_code(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """Each table has the columns and indices that `tables.py` says, and no others."""
    url = request.getfixturevalue(kind)
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as database:
        context = MigrationContext.configure(database, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


# A request of the release before, by its columns; and what it had posted.
REQUEST: dict[str, object] = {
    "team_id": "T0DEMO",
    "channel_id": "C0OPS",
    "card_channel_id": "C0CARDS",
    "requester": "U0ANA",
    "reference": "orders-prod",
    "description": "",
    "asked_at": "2026-11-23 12:00:00.000000",
    "kind": "create",
    "history": "{}",
    "terms": "{}",
    "adopted": False,
    "thread_ts": None,
    "retention": None,
    "warned_at": None,
}
CARD, ENDED = ("card", "C0CARDS", "1.1"), ("ended", "C0CARDS", "3.3")
Outbox = dict[tuple[str, str], tuple[str, str, str | None]]  # line, subject → state, where, ts
BEFORE: dict[str, tuple[dict[str, object], list[tuple[str, str, str]], Outbox]] = {
    "a request without a card": ({"state": "asked", "terms": "null"}, [], {}),
    "a card that waits": (
        {"state": "awaiting_approval"},
        [CARD, ("counted:U0BEN", "C0CARDS", "2.2")],
        {
            ("card", ""): ("pending", "C0CARDS", "1.1"),
            ("counted", "U0BEN"): ("sent", "C0CARDS", "2.2"),
        },
    ),
    "a card that was not posted": (
        {"state": "awaiting_approval", "thread_ts": "0.1"},
        [],
        {("card", ""): ("pending", "C0CARDS", None), ("pointer", ""): ("pending", "C0OPS", None)},
    ),
    "a running backup": (
        {"state": "running"},
        [CARD, ("started", "C0CARDS", "2.2")],
        {("card", ""): ("pending", "C0CARDS", "1.1"), ("started", ""): ("sent", "C0CARDS", "2.2")},
    ),
    "an outcome that was said": (
        {"state": "completed"},
        [CARD, ENDED],
        {("card", ""): ("sent", "C0CARDS", "1.1"), ("ended", ""): ("sent", "C0CARDS", "3.3")},
    ),
    "an outcome that was not": (
        {"state": "completed"},
        [CARD],
        {("card", ""): ("pending", "C0CARDS", "1.1"), ("ended", ""): ("pending", "C0CARDS", None)},
    ),
    "an outcome that was not, nor a card": (
        {"state": "expired"},
        [],
        {("card", ""): ("pending", "C0CARDS", None), ("ended", ""): ("pending", "C0CARDS", None)},
    ),
    "a refusal that was told": (
        {"state": "refused", "terms": "null"},
        [("told", "U0ANA", "")],
        {("ended", ""): ("sent", "U0ANA", "")},
    ),
    "a refusal that was not": (
        {"state": "refused", "terms": "null"},
        [],
        {("ended", ""): ("pending", "U0ANA", None)},
    ),
    "a withdrawal, which was answered": ({"state": "withdrawn", "terms": "null"}, [], {}),
    "an outcome that was given up": (
        {"state": "completed"},
        [CARD, ("given_up", "U0ANA", "")],
        {("card", ""): ("sent", "C0CARDS", "1.1"), ("ended", ""): ("given_up", "U0ANA", None)},
    ),
    "one that was given up, and told after a restart": (
        {"state": "completed"},
        [CARD, ("given_up", "U0ANA", ""), ENDED],
        {("card", ""): ("sent", "C0CARDS", "1.1"), ("ended", ""): ("sent", "C0CARDS", "3.3")},
    ),
    "a deletion that was announced": (
        {"state": "completed", "retention": "warned", "warned_at": "2026-11-23 12:00:00.000000"},
        [CARD, ENDED, ("expiring", "C0CARDS", "4.4")],
        {
            ("card", ""): ("sent", "C0CARDS", "1.1"),
            ("ended", ""): ("sent", "C0CARDS", "3.3"),
            ("expiring", ""): ("sent", "C0CARDS", "4.4"),
        },
    ),
    "a deletion that was not": (
        {"state": "completed", "retention": "warned", "warned_at": "2026-11-23 12:00:00.000000"},
        [CARD, ENDED],
        {
            ("card", ""): ("pending", "C0CARDS", "1.1"),
            ("ended", ""): ("sent", "C0CARDS", "3.3"),
            ("expiring", ""): ("pending", "C0CARDS", None),
        },
    ),
    "a backup that somebody deleted by hand": (
        {"state": "completed", "retention": "deleted"},
        [CARD, ENDED],
        {("card", ""): ("sent", "C0CARDS", "1.1"), ("ended", ""): ("sent", "C0CARDS", "3.3")},
    ),
}


@pytest.mark.parametrize("kind", ["database_url", "postgresql_url"])
def test_messages_of_the_release_before_are_in_the_outbox(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """What was posted is not posted again, and what was owed is sent exactly once."""
    url = request.getfixturevalue(kind)
    migrate(url, "0007")
    engine = create_engine(url)
    with engine.begin() as database:
        for about, (changes, posts, _) in BEFORE.items():
            named = {"id": about, "name": about, "trigger_id": about}
            _insert(database, "request", {**REQUEST, **changes, **named})
            for line, channel, ts in posts:
                row = {"request_id": about, "line": line, "channel_id": channel, "ts": ts}
                _insert(database, "post", row)
    migrate(url)
    found: dict[str, Outbox] = {about: {} for about in BEFORE}
    query = "SELECT request_id, line, subject, state, destination, ts, channel_id FROM outbox"
    with engine.begin() as database:
        for about, line, subject, state, where, ts, channel in database.execute(text(query)):
            found[about][line, subject] = (state, where, ts)
            assert channel == (None if ts is None else where)
    engine.dispose()

    assert found == {about: outbox for about, (_, _, outbox) in BEFORE.items()}


@pytest.mark.parametrize("kind", ["database_url", "postgresql_url"])
async def test_what_was_owed_before_is_sent(request: pytest.FixtureRequest, kind: str) -> None:
    """Its times and types are as today's dispatcher reads them; the card goes first."""
    url = request.getfixturevalue(kind)
    migrate(url, "0007")
    engine = create_engine(url)
    changes: dict[str, object] = {"state": "completed", "id": "r", "name": "n", "trigger_id": "t"}
    with engine.begin() as database:
        _insert(database, "request", {**REQUEST, **changes})
    engine.dispose()
    migrate(url)
    stored = open_engine(url)
    outbox = MessagesToSend(Store(stored), None if kind == "database_url" else "me")
    (card,) = await outbox.due(NOON)
    await outbox.sent(card, "C0CARDS", "1.1")
    (ended,) = await outbox.due(NOON)
    await stored.dispose()

    assert (card.line, ended.line) == ("card", "ended")
    assert ended.created_at == NOON
    assert ended.card_ts == "1.1"


async def test_a_request_that_an_older_release_wrote_can_be_read(
    migrated_database_url: str,
) -> None:
    """With what today's release has no use for."""
    engine = create_engine(migrated_database_url)
    row = {**REQUEST, "id": "r", "name": "n", "trigger_id": "t", "state": "completed"}
    with engine.begin() as database:
        _insert(database, "request", {**row, "backup_status": "COMPLETED"})
    engine.dispose()
    store = Store(open_engine(migrated_database_url))
    request = await store.load("r")
    await store.engine.dispose()

    assert request is not None
    assert request.state == "completed"


def _insert(database: Connection, table: str, row: Mapping[str, object]) -> None:
    marks = ", ".join(f":{column}" for column in row)
    database.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"), row)  # noqa: S608, constants


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
