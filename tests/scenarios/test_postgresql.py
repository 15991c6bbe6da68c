"""The same story with everything kept in PostgreSQL."""

from tests.story import Opens


async def test_the_main_job_on_postgresql(opens: Opens, postgresql_url: str) -> None:
    """One address names the bot's tables and the journal; nothing else changes."""
    async with opens() as story:
        story.environ["DATABASE_URL"] = postgresql_url
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, "is complete")

    assert (story.creates, story.made("before-42")) == (1, 1)
