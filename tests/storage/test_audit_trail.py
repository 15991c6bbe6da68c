"""The audit trail in a real database: its chain, and what shows when somebody wrote into it."""

import asyncio
import csv
import io
import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.cli.audit import export, verify
from bot.domain.audit import AuditAction, AuditEntry, ChainedEntry, break_between
from bot.domain.errors import SettingsError
from bot.runtime.clock import Clock
from bot.storage.audit_rows import audit_rows, entry_of
from bot.storage.engine import migrate, open_engine
from bot.storage.sealing import Sealer
from bot.storage.store import Store
from tests.requests import NOON, asked

Output = pytest.CaptureFixture[str]
CONTENT = "it isn't in the bot's format"
CHANGED = "its content was changed"
FOLLOWS = "it doesn't follow the entry before it: one of them was inserted or replaced"

URLS = {"sqlite": "database_url", "postgresql": "postgresql_url"}


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that the command line would read."""
    url: str = request.getfixturevalue(URLS[request.param])
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.fixture(params=URLS)
def migrated_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, with an empty trail in it."""
    url: str = request.getfixturevalue(f"migrated_{URLS[request.param]}")
    monkeypatch.setenv("DATABASE_URL", url)
    return url


def entry(number: int, **changes: object) -> AuditEntry:
    """What an entry may hold."""
    entry = asked(number).on_trail(
        AuditAction.SUBMITTED,
        at=NOON + timedelta(minutes=number, microseconds=number),
        actor="U0ANA",
        detail={"name": f"before-{number}", "text": 'é "=1" \U0001f600'},
    )
    return entry.model_copy(update=changes)


async def write(url: str, *entries: AuditEntry) -> None:
    """As the bot does, one transaction each."""
    engine = open_engine(url)
    store = Store(engine)
    for one in entries:
        async with store.transaction() as transaction:
            await transaction.record(one)
    await seal(store)
    await engine.dispose()


async def seal(store: Store) -> None:
    """Let all that was recorded have its place in the chain."""
    if store.engine.dialect.name == "postgresql":
        assert await Sealer(store.engine, store.recorded, Clock(), None).seal()


@pytest.fixture
async def trail(migrated_url: str) -> str:
    """A database with five entries; some about nothing that was stored."""
    url = migrated_url
    refused = entry(
        4, request_id=None, action=AuditAction.ASK_REFUSED, rule=None, instance="=cmd()"
    )
    decided = entry(5, rule="rule 1 (orders-*)", instance_id="abcin01", actor="U0BEN")
    await write(url, entry(1), entry(2), entry(3), refused, decided)
    return url


def tamper(url: str, *statements: str) -> None:
    """Somebody with the keys of the database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def entries(url: str) -> list[ChainedEntry]:
    return [entry_of(row) for row in audit_rows(url)]


async def test_what_was_written_is_whole(trail: str, capsys: Output) -> None:
    """It says how much there is, and what to note down."""
    assert verify() == 0
    newest = entries(trail)[-1]
    assert capsys.readouterr().out == (
        f"The audit log is intact: 5 entries, the newest from 2026-11-23 12:05:00.000005+00:00.\n"
        f"Hash of the newest entry: {newest.hash}\n"
    )


@pytest.mark.parametrize(
    ("change", "number", "why"),
    [
        ("actor = 'U0EVE'", 3, CHANGED),
        ("action = 'approved'", 3, CHANGED),
        ("rule = 'rule 9'", 3, CHANGED),
        ("rule = ''", 3, CHANGED),
        ("request_id = NULL", 3, CHANGED),
        ("instance = 'orders-dev'", 3, CHANGED),
        ("instance_id = 'x'", 3, CHANGED),
        ("at = '2026-11-23 12:03:00.000004'", 3, CHANGED),
        ('detail = \'{"name": "before-3"}\'', 3, CHANGED),
        ('detail = \'{"name":  "before-3"}\'', 3, CONTENT),
        ("detail = '[]'", 3, CONTENT),
        ("hash = 'x'", 3, CHANGED),
        ("previous = 'x'", 3, FOLLOWS),
        ("number = 33", 4, "entry 3 is missing"),
    ],
)
async def test_one_value_changed_is_named(
    trail: str, capsys: Output, change: str, number: int, why: str
) -> None:
    """Whichever column it is."""
    tamper(trail, f"UPDATE audit SET {change} WHERE number = 3")  # noqa: S608, a row of the table

    assert verify() == 1
    said = capsys.readouterr().out
    assert said.startswith(f"The audit log is broken at entry {number} (")
    assert said.endswith(f": {why}.\n")


async def test_every_single_byte_of_an_entry_counts(
    trail: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Each character of each column of one entry, changed by one: it is that entry."""
    rows = list(audit_rows(trail))
    changed = list(rows)
    monkeypatch.setattr("bot.cli.audit.audit_rows", lambda _: (row for row in changed))
    for name, value in rows[4].items():
        for place, character in enumerate(value or ""):
            other = f"{value}"[:place] + chr(ord(character) ^ 1) + f"{value}"[place + 1 :]
            changed[4] = rows[4] | {name: other}

            assert verify() == 1, (name, place)
            assert "The audit log is broken " in capsys.readouterr().out, (name, place)
    changed[4] = rows[4]
    assert verify() == 0


async def test_what_is_gone_or_put_in_is_named(trail: str, capsys: Output) -> None:
    """Numbers show what is gone, hashes what came instead."""
    tamper(trail, "DELETE FROM audit WHERE number = 2")
    assert verify() == 1
    assert "entry 2 is missing" in capsys.readouterr().out

    tamper(trail, "UPDATE audit SET number = number - 1 WHERE number > 2")
    assert verify() == 1
    assert f"at entry 2 (2026-11-23 12:03:00.000003, asked): {FOLLOWS}" in capsys.readouterr().out


async def test_the_end_cut_off_shows_by_the_hash_that_was_noted(
    trail: str, capsys: Output
) -> None:
    """Nothing else can show it: what is left is whole."""
    noted = entries(trail)[-1].hash
    assert verify(head=noted) == 0
    tamper(trail, "DELETE FROM audit WHERE number = 5")

    assert verify() == 0
    assert verify(head=noted) == 1
    assert "the end was cut off, or everything was rewritten" in capsys.readouterr().out


def test_an_empty_trail_is_whole(url: str, capsys: Output) -> None:
    """But not if there is no trail, and nothing is made by looking."""
    with pytest.raises(SettingsError) as failed:
        verify()
    assert "DATABASE_URL: " in failed.value.problems[0]
    migrate(url)
    assert verify() == 0
    assert capsys.readouterr().out == "The audit log is intact: it has no entries yet.\n"


def test_no_file_is_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped address is said, not filled."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/other.db")

    with pytest.raises(SettingsError, match=r"there is no file .*other\.db"):
        verify()
    assert list(tmp_path.iterdir()) == []


async def test_jsonl_is_exact(trail: str, capsys: Output) -> None:
    """Every entry, with all that its hash covers."""
    assert export() == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [ChainedEntry.model_validate(line) for line in lines] == entries(trail)


async def test_csv_is_safe_in_a_spreadsheet(trail: str, capsys: Output) -> None:
    """What would be run as a formula is text."""
    assert trail
    assert export(format="csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert [row["instance"] for row in rows[2:]] == ["orders-prod", "'=cmd()", "orders-prod"]
    assert [row["actor"] for row in rows] == ["U0ANA"] * 4 + ["U0BEN"]
    assert rows[4]["rule"] == "rule 1 (orders-*)"
    assert json.loads(rows[4]["detail"])["name"] == "before-5"


@pytest.mark.parametrize(
    ("since", "instance", "numbers"),
    [
        ("2026-11-23T12:03:00", None, [3, 4, 5]),
        ("2026-11-23T13:03:00+01:00", None, [3, 4, 5]),
        ("2026-11-24", None, []),
        ("36500d", None, [1, 2, 3, 4, 5]),
        (None, "orders-prod", [1, 2, 3, 5]),
        (None, "abcin01", [5]),
        ("2026-11-23T12:02", "orders-prod", [2, 3, 5]),
        (None, "' OR 1=1 --", []),
    ],
)
async def test_a_part_can_be_exported(
    trail: str, capsys: Output, since: str | None, instance: str | None, numbers: list[int]
) -> None:
    """From a moment on, or about one instance."""
    assert trail
    assert export(since=since, instance=instance) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [json.loads(line)["number"] for line in lines] == numbers


async def test_a_time_that_is_none_is_said(trail: str) -> None:
    """With what to write instead."""
    assert trail
    with pytest.raises(SettingsError, match="write a date like 2026-11-01"):
        export(since="yesterday")


async def test_a_tampered_entry_is_exported_as_it_is(trail: str, capsys: Output) -> None:
    """An auditor wants to see it."""
    tamper(trail, "UPDATE audit SET detail = '[1]' WHERE number = 3")

    assert export() == 0
    assert json.loads(capsys.readouterr().out.splitlines()[2])["detail"] == "[1]"


async def test_an_export_to_a_file_names_the_hash_to_note(
    trail: str, capsys: Output, tmp_path: Path
) -> None:
    """The file holds what standard output would, and only its owner can read it."""
    assert export() == 0
    shown = capsys.readouterr().out
    file = tmp_path / "audit.jsonl"
    file.write_text("of last month", "utf-8")

    assert export(output=file) == 0
    assert file.read_text("utf-8") == shown
    assert file.stat().st_mode & 0o777 == 0o600
    head = entries(trail)[-1].hash
    said = capsys.readouterr().out
    assert said == f"Wrote 5 entries to {file}.\nHash of the newest entry: {head}\n"
    assert verify(head=head) == 0


async def test_an_export_that_fails_leaves_the_older_file(
    trail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes half a file for a whole one, and nothing else is left beside it."""
    assert trail
    file = tmp_path / "exports" / "audit.jsonl"
    with pytest.raises(SettingsError, match=r"--output: .*No such file or directory"):
        export(output=file)
    file.parent.mkdir()
    file.write_text("of last month", "utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        export(output=file)
    assert [(one, one.read_text("utf-8")) for one in file.parent.iterdir()] == [
        (file, "of last month")
    ]


async def test_a_noted_hash_shows_that_an_older_copy_was_put_back(
    migrated_url: str, tmp_path: Path, capsys: Output
) -> None:
    """The copy is whole in itself; only what was noted elsewhere says that it is old."""
    await write(migrated_url, entry(1), entry(2))
    older = entries(migrated_url)[0].hash
    assert export(output=tmp_path / "audit.jsonl") == 0
    noted = capsys.readouterr().out.split()[-1]
    assert verify(head=older) == verify(head=noted) == 0

    tamper(migrated_url, "DELETE FROM audit WHERE number = 2")
    await write(migrated_url, entry(3))  # the bot goes on from the older copy

    assert verify() == verify(head=older) == 0
    assert verify(head=noted) == 1


async def test_a_part_in_a_file_ends_with_its_own_newest_entry(
    trail: str, tmp_path: Path, capsys: Output
) -> None:
    """CSV, too; and nothing to note if there is nothing."""
    file = tmp_path / "audit.csv"
    assert export(format="csv", instance="=cmd()", output=file) == 0
    assert capsys.readouterr().out.endswith(f"{entries(trail)[3].hash}\n")
    assert len(list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))) == 1

    assert export(since="2026-11-24", output=file) == 0
    assert capsys.readouterr().out == f"Wrote 0 entries to {file}.\n"


HIDDEN = "a\x1b[2J\x9b1m\r\n\u202eb\u2028\x7f"  # what would clear, color or turn a terminal


async def test_nothing_that_moves_a_terminal_comes_out(migrated_url: str, capsys: Output) -> None:
    """It is shown as JSON would write it, so that JSON means the same."""
    url = migrated_url
    await write(url, entry(1, instance=HIDDEN, detail={"text": HIDDEN}))
    assert export(format="csv") == 0
    assert export() == 0
    head, row, line, end = capsys.readouterr().out.replace("\r\n", "\n").split("\n")

    assert all(text.isprintable() for text in (head, row, line))
    assert "a\\u001b[2J\\u009b1m\\u000d\\u000a\\u202eb\\u2028\\u007f" in row
    assert (json.loads(line)["instance"], end) == (HIDDEN, "")
    assert json.loads(line)["detail"] == {"text": HIDDEN}

    tamper(
        url,
        "UPDATE audit SET action = 'x' || chr(27) || 'c'"
        if "postgres" in url
        else "UPDATE audit SET action = 'x' || char(27) || 'c'",
    )
    assert verify() == 1
    assert "x\\u001bc" in capsys.readouterr().out


async def test_who_reads_only_the_first_line_gets_no_traceback(migrated_database_url: str) -> None:
    """As `| head -1` does."""
    engine = open_engine(migrated_database_url)
    async with Store(engine).transaction() as transaction:
        await transaction.record(*(entry(number % 60) for number in range(2000)))
    await engine.dispose()
    command = f"set -o pipefail; {sys.executable} -m bot audit export | head -1"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        env={"DATABASE_URL": migrated_database_url, "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["number"] == 1


async def test_thirty_writers_at_once_leave_one_chain(store: Store) -> None:
    """Nobody's entry is lost, and each follows one other, however many sealers there are."""
    sealers = [Sealer(store.engine, store.recorded, Clock(), None) for _ in range(2)]

    async def one(number: int) -> None:
        async with store.transaction() as transaction:
            await transaction.record(entry(number), entry(number))
        if store.engine.dialect.name == "postgresql":
            await sealers[number % 2].seal()

    await asyncio.gather(*map(one, range(30)))
    await seal(store)
    url = store.engine.url.render_as_string(hide_password=False).replace("+aiosqlite", "")
    whole = entries(url)

    assert len(whole) == 60
    assert [break_between(*pair) for pair in zip([None, *whole], whole, strict=False)] == [
        None
    ] * 60


def test_entries_of_the_release_before_are_linked(url: str, capsys: Output) -> None:
    """They keep their order and content; gaps in their numbers, which PostgreSQL left, close."""
    migrate(url, "0001")
    columns, values = "number, at, actor, action, detail", "'U0ANA', 'asked', '{\"a\": \"b\"}'"
    rows = [
        f"INSERT INTO audit ({columns}) VALUES ({n}, '2026-11-23 12:0{n}:00.000000', {values})"  # noqa: S608
        for n in (1, 2, 5, 9)
    ]
    tamper(url, *rows)
    migrate(url)

    assert verify() == 0
    assert [(e.number, e.at.minute, e.detail) for e in entries(url)] == [
        (number, minute, {"a": "b"}) for number, minute in enumerate((1, 2, 5, 9), start=1)
    ]
    assert capsys.readouterr().out.startswith("The audit log is intact: 4 entries")


async def test_an_instance_is_found_however_its_letters_are_composed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal may compose them otherwise than RDS."""
    migrate(url)
    await write(url, entry(1, instance="Z\u00fcrich"), entry(2, instance="Zu\u0308rich"))
    for instance in ("Z\u00fcrich", "Zu\u0308rich"):
        assert export(instance=instance) == 0
        assert len(capsys.readouterr().out.splitlines()) == 2
