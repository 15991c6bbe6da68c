"""A channel hears of the backups that succeeded, if it wants to."""

import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.world import OPS
from tests.scenarios.test_incidents import automated, passes, posted, says
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, Opens

WATCH = f'[[watch]]\ninstances = ["orders-prod", "billing-prod"]\nchannel = "{OPS}"\n'


def channel(successes: str) -> str:
    return f'[[channel]]\nid = "{OPS}"\nsuccesses = "{successes}"\n'


async def test_a_night_is_one_message_that_grows(opens: Opens) -> None:
    settings = CONFIG + WATCH + channel("channel")
    async with opens(settings, clock=SteppedClock()) as story, story.bot():
        automated(story, "orders-prod")
        automated(story, "billing-prod")
        card = await says(story, "2 automated backups completed")

        assert "orders-prod:" in story.workspace.read(card)
        assert len(posted(story, "completed")) == 1
        assert story.thread(card) == []


async def test_a_night_is_one_thread(opens: Opens) -> None:
    settings = CONFIG + WATCH + channel("thread")
    async with opens(settings, clock=SteppedClock()) as story, story.bot():
        automated(story, "orders-prod")
        automated(story, "billing-prod")
        card = await says(story, "2 automated backups completed")
        await passes(story, lambda: len(story.thread(card)) > 1, minutes=1)

        said = " ".join(story.thread(card))
        assert "orders-prod:" in said
        assert "billing-prod:" in said
        assert "orders-prod" not in story.workspace.read(card)


@pytest.mark.parametrize("way", ["channel", "thread"])
async def test_a_restart_and_a_lost_answer_repeat_nothing(opens: Opens, way: str) -> None:
    settings = CONFIG + WATCH + channel(way)
    async with opens(settings, clock=SteppedClock()) as story:
        automated(story, "orders-prod")
        async with story.bot():
            story.workspace.faults.next("chat.postMessage", slack_faults.LOST_ANSWER)
            card = await says(story, "1 automated backup completed")
        async with story.bot():
            await passes(story, lambda: True)
            assert len(posted(story, "completed")) == 1
            if way == "thread":
                await passes(story, lambda: story.thread(card), minutes=1)
                assert len(story.thread(card)) == 1
