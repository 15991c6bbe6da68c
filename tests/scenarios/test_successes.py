"""A channel hears of the backups that succeeded, if it wants to."""

import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Message
from bot.demo.world import OPS
from tests.scenarios.test_incidents import automated, passes, posted, says
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, Opens, Story

WATCH = f'[[watch]]\ninstances = ["orders-prod", "billing-prod"]\nchannel = "{OPS}"\n'


def channel(successes: str) -> str:
    return f'[[channel]]\nid = "{OPS}"\nsuccesses = "{successes}"\n'


def lines(story: Story, card: Message) -> list[str]:
    """The backups that a day's message names."""
    return [line for line in story.workspace.read(card).split("\n") if " GB in " in line]


async def test_a_night_is_one_message_that_grows(opens: Opens) -> None:
    settings = CONFIG + WATCH + channel("channel")
    async with opens(settings, clock=SteppedClock()) as story, story.bot():
        automated(story, "orders-prod")
        automated(story, "billing-prod")
        card = await says(story, "2 automated backups completed")

        told = [line for day in posted(story, "completed") for line in lines(story, day)]
        assert len(lines(story, card)) == 2
        assert sorted(set(told)) == sorted(told)
        assert story.thread(card) == []


async def test_a_night_is_one_thread(opens: Opens) -> None:
    settings = CONFIG + WATCH + channel("thread")
    async with opens(settings, clock=SteppedClock()) as story, story.bot():
        automated(story, "orders-prod")
        automated(story, "billing-prod")
        card = await says(story, "2 automated backups completed")
        await passes(story, lambda: len(story.thread(card)) > 1, minutes=1)

        assert all(" GB in 7 min" in reply for reply in story.thread(card))
        assert " GB in 7 min" not in story.workspace.read(card)


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
            told = [line for day in posted(story, "completed") for line in lines(story, day)]
            if way == "thread":
                await passes(story, lambda: story.thread(card), minutes=1)
                told = story.thread(card)
            assert told
            assert sorted(set(told)) == sorted(told)
