"""`backup-bot outbox`: what Slack has yet to take."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.cli.outbox import outbox
from bot.domain.errors import SettingsError
from bot.domain.outbox import owed_by
from bot.domain.states import RequestState
from bot.storage.engine import open_engine
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
    assert await asyncio.to_thread(outbox) == 0
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


def test_an_empty_outbox_is_good_news(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exits with 0 as well."""
    monkeypatch.setenv("DATABASE_URL", migrated_database_url)

    assert outbox() == 0
    assert capsys.readouterr().out == "Slack has taken every message.\n"


def test_a_database_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is created by looking."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/bot.db")
    with pytest.raises(SettingsError, match="nowhere"):
        outbox()
