"""The same story with everything kept in PostgreSQL."""

import psycopg
import pytest

from bot.workflow.journal import Journal
from tests.story import Opens

# The server would end a transaction that the start waits for.
SHORT = "-c idle_in_transaction_session_timeout=2s"


async def test_the_main_job_on_postgresql(opens: Opens, postgresql_url: str) -> None:
    """One address names the bot's tables and the journal; nothing else changes."""
    async with opens() as story:
        story.environ["DATABASE_URL"] = postgresql_url
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, "is complete")

    assert (story.creates, story.made("before-42")) == (1, 1)


async def test_no_transaction_of_ours_holds_up_the_first_start(
    opens: Opens, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal's indices wait for all transactions to end, and the bot's are on the loop."""
    ours = psycopg.connect(postgresql_url.replace("+psycopg", ""), options=SHORT)
    ours.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # as the audit log is sealed
    launch = Journal.launch

    def launch_meanwhile(journal: Journal) -> None:
        ours.execute("SELECT 1")
        launch(journal)

    monkeypatch.setattr(Journal, "launch", launch_meanwhile)
    async with opens() as story:
        story.environ["DATABASE_URL"] = postgresql_url
        async with story.bot():
            ours.execute("SELECT 1")
    ours.close()
