"""People choose on their home tab what they hear in a direct message."""

from bot.demo.world import ANA, BEN, CAT
from bot.slack.messages.ids import APPROVALS_CHOICE, FINISHED_CHOICE
from tests.story import DEADLINE, Opens, Story


async def chooses(story: Story, who: str, action: str, value: str) -> None:
    """Open the home tab, and choose there."""
    await story.workspace.open_home(who)
    await story.workspace.until(lambda: story.workspace.home(who), DEADLINE)
    reply = await story.workspace.fill(who, action, value)
    assert reply.error is None


def direct(story: Story, who: str) -> list[str]:
    """What this person was told alone, by direct message."""
    ims = [c for c in story.workspace.channels.values() if c.is_im and who in c.members]
    return [story.workspace.read(m) for im in ims for m in story.workspace.messages(im.id)]


async def test_the_requester_hears_of_the_end_if_they_want_to(opens: Opens) -> None:
    async with opens() as story, story.bot():
        await chooses(story, ANA, FINISHED_CHOICE, "always")
        card = await story.asks()
        await story.approves(card)
        await story.workspace.until(lambda: direct(story, ANA), DEADLINE)

        (said,) = direct(story, ANA)
        assert "`before-42` of orders-prod is complete" in said
        assert direct(story, BEN) == []


async def test_only_bad_news_are_told_to_who_wants_no_other(opens: Opens) -> None:
    async with opens() as story, story.bot():
        await chooses(story, ANA, FINISHED_CHOICE, "failed")
        card = await story.asks()
        await story.approves(card)
        await story.until_said(card, "Your backup is complete")
        card = await story.asks("create orders before-43")
        await story.rejects(card)
        await story.workspace.until(lambda: direct(story, ANA), DEADLINE)

        (said,) = direct(story, ANA)
        assert "to back up orders-prod as `before-43` was rejected" in said


async def test_an_approver_is_called_if_they_want_to_be(opens: Opens) -> None:
    async with opens() as story, story.bot():
        await chooses(story, BEN, APPROVALS_CHOICE, "yes")
        await story.asks()
        await story.workspace.until(lambda: direct(story, BEN), DEADLINE)

        assert "needs your approval" in direct(story, BEN)[0]
        assert direct(story, CAT) == []


async def test_nobody_is_called_for_their_own_request(opens: Opens) -> None:
    async with opens() as story, story.bot():
        await chooses(story, BEN, APPROVALS_CHOICE, "yes")
        card = await story.asks(who=BEN)
        await story.approves(card, who=CAT)
        await story.until_said(card, "Your backup is complete")

        assert direct(story, BEN) == []
