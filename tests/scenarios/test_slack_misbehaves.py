"""Slack is slow, says too much, drops calls and loses things: every end is told all the same."""

import pytest

from bot.demo.clock import FastClock
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.limits import PostLimit
from bot.demo.slack.records import Message
from bot.demo.world import ANA
from tests.story import SPEED, Opens, Story, beginning

POST, EDIT = "chat.postMessage", "chat.update"
COMPLETED = "@ana Your backup is complete"
STARTED = "The backup has started. RDS backup ID"
UNEVENTFUL = ["Approved by @ben. Starting the backup now.", STARTED, COMPLETED]


def _thread(story: Story, card: Message) -> list[str]:
    """How each line under a card begins."""
    return [beginning(line) for line in story.thread(card)]


def _is_done(story: Story, name: str) -> bool:
    return any(b.name == name and b.status == "COMPLETED" for b in story.region.backups)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(slack_faults.throttled(20), id="429"),
        pytest.param(slack_faults.ERROR, id="500"),
        pytest.param(slack_faults.DROPPED, id="dropped"),
        pytest.param(slack_faults.slow(0.02), id="slow"),
    ],
)
async def test_every_other_call_goes_wrong(opens: Opens, fault: slack_faults.Fault) -> None:
    """Nothing is lost, doubled or out of order.

    What is half an hour late is no longer said, so time is slow enough for a slow machine.
    """
    async with opens(clock=FastClock(SPEED / 4)) as story, story.bot():
        for method in (POST, EDIT):
            story.workspace.faults.next(method, *[fault, slack_faults.NONE] * 5)
        card = await story.asks()
        await story.approves(card)
        await story.until_said(card, COMPLETED)

        assert _thread(story, card) == UNEVENTFUL
        assert len(story.cards) == story.creates == 1


async def test_answers_that_are_lost_on_the_way(story: Story) -> None:
    """Slack has no key against doubles: one line is there twice, and one backup is made."""
    card = await story.asks()
    story.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    await story.approves(card)
    await story.until_said(card, COMPLETED)

    assert _thread(story, card) == [UNEVENTFUL[0], *UNEVENTFUL]
    assert story.creates == 1


async def test_nothing_that_needs_no_approval_waits_for_slack(story: Story) -> None:
    """It is made while Slack takes no message; its end is told when it does again."""
    story.workspace.faults.always(slack_faults.ERROR, POST)
    await story.types("create dev-sandbox quick-1")
    await story.workspace.until(lambda: story.creates, 20)
    story.workspace.faults.clear()
    (card,) = await story.workspace.until(lambda: story.cards)
    await story.until_said(card, COMPLETED)

    assert story.made("quick-1") == 1


async def test_a_moderator_deletes_the_card(story: Story) -> None:
    """Nothing is left to reply to: Ana is told in private."""
    card = await story.asks()
    await story.approves(card)
    await story.until_said(card, "The backup has started")
    story.workspace.delete(card)
    direct = f"D{ANA[1:]}"
    await story.workspace.until(
        lambda: direct in story.workspace.channels and story.workspace.messages(direct)
    )

    (message,) = story.workspace.messages(direct)
    assert COMPLETED in story.workspace.read(message)


async def test_a_token_that_is_revoked_for_hours(story: Story) -> None:
    """The backup goes on without Slack; its end is told once the token is good again."""
    card = await story.asks()
    await story.approves(card)
    await story.until_said(card, UNEVENTFUL[0])
    good, story.workspace.bot_token = story.workspace.bot_token, "xoxb-renewed"
    await story.workspace.until(lambda: _is_done(story, "before-42"), 20)
    story.workspace.bot_token = good
    await story.until_said(card, COMPLETED)

    assert _thread(story, card)[0] == UNEVENTFUL[0]
    assert _thread(story, card).count(COMPLETED) == 1


async def test_many_at_once_keep_to_the_limit(opens: Opens) -> None:
    """Eight backups in one channel that takes a message a second: each tells its story."""
    async with opens() as story:
        story.workspace.post_limit = PostLimit(story.clock)
        names = [f"db-{number}" for number in range(8)]
        for name in names:
            story.region.add_instance(name)
        async with story.bot():
            for name in names:
                await story.types(f"create {name} before-{name}")
            await story.workspace.until(lambda: len(story.cards) == len(names), 20)
            cards = story.cards
            for card in cards:
                await story.approves(card)
            for card in cards:
                await story.until_said(card, COMPLETED, timeout_seconds=20)

    assert all(_thread(story, card) == UNEVENTFUL for card in cards)


@pytest.mark.parametrize("click", ["approves", "rejects"])
async def test_a_card_that_is_there_twice_does_no_harm(opens: Opens, click: str) -> None:
    """Its answer was lost, so it was posted again. A click on the first counts."""
    async with opens() as story:
        story.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
        async with story.bot():
            await story.types("create orders before-42")
            await story.workspace.until(lambda: len(story.cards) == 2, 20)
            first, second = story.cards
            await getattr(story, click)(first)
            await story.workspace.until(lambda: "the other one" in first.text)
            assert second.ts.replace(".", "") in first.text
            assert first.buttons == []
            await story.workspace.until(lambda: not second.buttons or click == "rejects")

    assert first.ts != second.ts
