"""Slack takes no messages, for now or for good: no backup waits for it, no outcome is lost."""

from bot.demo.slack import faults as slack_faults
from bot.demo.world import ANA, OPS
from tests.story import Opens, Story

COMPLETED = "@ana Your backup is complete"


def _is_done(story: Story, name: str) -> bool:
    return any(b.name == name and b.status == "COMPLETED" for b in story.region.backups)


async def test_slack_away_from_the_click_to_the_end(story: Story) -> None:
    """The backup is made all the same, and its end is told, once, when Slack is back."""
    card = await story.asks()
    story.workspace.faults.always(slack_faults.ERROR, "chat.postMessage", "chat.update")
    await story.approves(card)
    await story.workspace.until(lambda: _is_done(story, "before-42"))
    story.workspace.faults.clear()
    await story.until_said(card, COMPLETED)

    assert len([line for line in story.thread(card) if COMPLETED in line]) == 1
    await story.workspace.until(lambda: "is backed up" in story.workspace.read(story.cards[0]))
    assert story.creates == 1


async def test_slack_away_for_ten_minutes_while_eight_end(opens: Opens) -> None:
    """Nobody's outcome is lost, and none is told twice."""
    async with opens() as story:
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
                await story.until_said(card, "The backup has started", timeout_seconds=20)
            story.workspace.faults.always(slack_faults.ERROR, "chat.postMessage", "chat.update")
            await story.workspace.until(lambda: all(_is_done(story, f"before-{n}") for n in names))
            await story.clock.sleep(600)
            story.workspace.faults.clear()
            for card in cards:
                await story.until_said(card, COMPLETED, timeout_seconds=20)
            told = [sum(COMPLETED in line for line in story.thread(card)) for card in cards]

            assert told == [1] * len(names)


async def test_slack_is_away_when_a_backup_is_requested(story: Story) -> None:
    """The card comes up, once, when Slack takes it, and its buttons work."""
    slack = slack_faults.ERROR
    story.workspace.faults.next("chat.postMessage", slack, slack, slack)
    card = await story.asks()
    await story.approves(card)
    await story.until_said(card, COMPLETED)

    assert len(story.cards) == 1


async def test_a_channel_that_vanishes_after_the_approval(story: Story) -> None:
    """What was approved is carried out; its end is told to the requester alone."""
    card = await story.asks()
    story.workspace.channels[OPS].is_archived = True
    await story.approves(card)
    direct = f"D{ANA[1:]}"
    await story.workspace.until(
        lambda: direct in story.workspace.channels and story.workspace.messages(direct)
    )

    (message,) = story.workspace.messages(direct)
    assert COMPLETED in story.workspace.read(message)
    assert story.made("before-42") == 1


async def test_a_request_without_approval_and_without_a_place(story: Story) -> None:
    """Nobody has to click, so it is carried out; Ana alone hears how it ended."""
    story.workspace.faults.always(slack_faults.refused("is_archived"), "chat.postMessage")
    await story.types("create dev-sandbox quick-1")

    assert "invite me there" in await story.hears("I can't post")
    assert "38.1 GB" in await story.hears(COMPLETED)
    assert story.made("quick-1") == 1
