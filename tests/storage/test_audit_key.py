"""A trail sealed with a key: who can write to the database cannot write it anew."""

from pathlib import Path

import pytest

from bot.cli.audit import verify
from bot.domain.audit import AuditAction, AuditEntry, AuditKey, chained
from bot.domain.errors import SettingsError
from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store
from tests.requests import NOON, asked
from tests.storage.test_audit_trail import tamper

Output = pytest.CaptureFixture[str]
TEXT, OTHER = "a key that nobody guesses", "another one, also long"
KEY = AuditKey.of(TEXT)
ENTRY = asked().on_trail(AuditAction.SUBMITTED, at=NOON, actor="U0ANA", detail={})


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database, and no key in the environment."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("AUDIT_KEY", raising=False)
    migrate(database_url)
    return database_url


async def write(url: str, key: AuditKey | None, *entries: AuditEntry) -> None:
    engine = open_engine(url)
    async with Store(engine, key).transaction() as transaction:
        await transaction.record(*entries)
    await engine.dispose()


async def test_a_key_begins_where_the_trail_is(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written before is proven with it, however the key is given."""
    await write(url, None, ENTRY, ENTRY)
    await write(url, KEY, ENTRY, ENTRY)
    assert verify(key=TEXT) == 0

    file = tmp_path / "keys"
    file.write_text(f"{OTHER}\n{TEXT}\n", "utf-8")
    assert verify(key_file=file) == 0

    monkeypatch.setenv("AUDIT_KEY", f" {TEXT}\n")
    assert verify() == 0


async def test_after_a_change_both_keys_are_needed(url: str, tmp_path: Path) -> None:
    """Each proves its own part."""
    await write(url, KEY, ENTRY)
    await write(url, AuditKey.of(OTHER), ENTRY)
    file = tmp_path / "keys"
    file.write_text(f"{OTHER}\n{TEXT}\n", "utf-8")

    assert verify(key_file=file) == 0
    assert verify(key=OTHER) == 3


@pytest.mark.parametrize("given", [None, OTHER])
async def test_without_its_key_an_entry_is_not_proven(
    url: str, capsys: Output, given: str | None
) -> None:
    """Which key is missing is said, and the exit code is not that of a whole trail."""
    await write(url, None, ENTRY)
    await write(url, KEY, ENTRY, ENTRY)

    assert verify(key=given) == 3
    have = AuditKey.of(given).id if given else "none"
    assert capsys.readouterr().out == (
        f"2 entries are sealed with the key {KEY.id}, which wasn't given.\n"
        f"Their content can't be verified. Keys that were given: {have}.\n"
    )


async def test_a_change_shows_though_all_hashes_were_made_anew(url: str, capsys: Output) -> None:
    """Without the key nobody can make them."""
    await write(url, KEY, ENTRY, ENTRY, ENTRY)
    forged = chained([ENTRY.model_copy(update={"actor": "U0EVE"})] * 3)
    for link in forged:
        tamper(
            url,
            f"UPDATE audit SET actor = 'U0EVE', hash = '{link.hash}',"  # noqa: S608, a row of the table
            f" previous = '{link.previous}' WHERE number = {link.number}",
        )
    assert verify() == 0  # which is what a key is for
    assert verify(key=TEXT) == 3
    assert "could have replaced the log" in capsys.readouterr().out

    tamper(url, f"UPDATE audit SET hash = 'hmac-sha256:{KEY.id}:00' WHERE number = 3")  # noqa: S608, the same
    assert verify(key=TEXT) == 1
    assert "entry 3" in capsys.readouterr().out


async def test_nothing_follows_without_the_key(url: str, capsys: Output) -> None:
    """Else the end could be cut off and written anew without it."""
    await write(url, KEY, ENTRY)
    await write(url, None, ENTRY)

    assert verify(key=TEXT) == 1
    said = capsys.readouterr().out
    assert "it was sealed without a key, but the entry before it with one" in said


def test_a_key_that_can_be_guessed_is_none(url: str, tmp_path: Path) -> None:
    """Nor is a file that is not there."""
    assert url
    with pytest.raises(SettingsError, match="--key: an audit key needs at least 16 characters"):
        verify(key="short")
    with pytest.raises(SettingsError, match="--key-file: No such file"):
        verify(key_file=tmp_path / "none")
    assert TEXT not in repr(KEY)
