"""`backup-bot outbox`: what Slack has yet to take."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.outbox import outbox
from bot.domain.errors import SettingsError
from bot.domain.outbox import owed_by
from bot.domain.states import RequestState
from bot.storage.engine import migrate, open_engine
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from tests.slack.samples import asked, in_every_state
from tests.stepped_clock import SteppedClock


async def _owes(url: str) -> None:
    """A card that Slack refused once, and the outcome behind it."""
    clock = SteppedClock(datetime(2026, 11, 23, 14, 4, tzinfo=UTC))
    store = Store(open_engine(url), clock=clock)
    request = in_every_state(asked())[RequestState.COMPLETED]
    async with store.transaction() as transaction:
        await transaction.insert(request)
        await transaction.owe(*owed_by(request))
    messages = Outbox(store)
    (card,) = await messages.due(clock.now())
    await messages.begin(card)
    await messages.put_off(card, "http_503\x1b[2J", clock.now(), in_doubt=True)
    await store.engine.dispose()


async def test_each_message_is_listed_with_its_reason(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oldest first, and nothing in it reaches the terminal as a command."""
    monkeypatch.setenv("DATABASE_URL", migrated_database_url)
    await _owes(migrated_database_url)
    assert outbox() == 0
    shown = capsys.readouterr().out
    first, _, _, card, ended = shown.splitlines()

    assert first == "2 messages are waiting for Slack."
    assert card.split()[:5] == [
        "2026-11-23",
        "14:04:00",
        "card",
        "orders-prod/before-migration-42",
        "C0OPS",
    ]
    assert "http_503" in card
    assert " ended " in ended
    assert "\x1b" not in shown


@pytest.mark.parametrize("url", ["migrated_database_url", "migrated_postgresql_url"])
def test_an_empty_outbox_is_good_news(
    url: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And exits with 0 as well."""
    monkeypatch.setenv("DATABASE_URL", request.getfixturevalue(url))

    assert outbox() == 0
    assert capsys.readouterr().out == "Slack has taken every message.\n"


def test_a_database_that_is_not_there_is_named_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking changes nothing, or the bot's next start would find an empty file."""
    file = tmp_path / "bot.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    with pytest.raises(SettingsError, match=r"there is no file .*bot\.db"):
        outbox()

    assert not file.exists()


def test_a_database_without_an_outbox_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the release before, which the bot has not opened yet."""
    url = f"sqlite:///{tmp_path}/bot.db"
    migrate(url, "0007")
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"its outbox can't be read \(no such table: outbox\)"):
        outbox()
