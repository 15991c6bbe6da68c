"""A bot whose token expires every twelve hours."""

import asyncio

import pytest

from bot.demo.slack.records import Json
from tests.scenarios.test_looks import asks_for
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story


def rotating(story: Story) -> Json:
    """From now on tokens rotate, and the settings have the first pair."""
    tokens = story.workspace.tokens
    first = tokens.begin()
    story.environ |= {
        "SLACK_BOT_TOKEN": first["access_token"],
        "SLACK_REFRESH_TOKEN": first["refresh_token"],
        "SLACK_CLIENT_ID": tokens.client_id,
        "SLACK_CLIENT_SECRET": tokens.client_secret,
    }
    return first


async def renewed(story: Story, clock: SteppedClock, times: int) -> None:
    """Wait until the token was renewed this often."""
    async with asyncio.timeout(DEADLINE):
        while sum(c.method == "oauth.v2.access" and c.ok for c in story.workspace.calls) < times:
            clock.advance(seconds=15)
            await asyncio.sleep(0.02)


async def test_it_works_for_days_and_after_a_restart(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the secrets are in the environment, in which Bolt looks for its own OAuth."""
    clock = SteppedClock()
    async with opens(clock=clock) as story:
        rotating(story)
        for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
            monkeypatch.setenv(name, story.environ[name])
        async with story.bot():
            await renewed(story, clock, 1)
            for times in (2, 3):
                clock.advance(hours=7)
                await renewed(story, clock, times)
        async with story.bot():
            card = await story.asks("create orders-prod before-42")

            assert "You approved the backup" in await story.approves(card)
            assert "before-42" in await asks_for(story, "status")
