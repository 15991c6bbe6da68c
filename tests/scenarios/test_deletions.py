"""A backup is deleted: asked for, or by itself when its time is over."""

import asyncio
from datetime import timedelta

import pytest

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.wire import Operation
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Message, Reply
from bot.demo.world import ANA, BEN, DAN, OPS
from bot.slack.messages.ids import KEEP_BACKUP, NAME
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story

ASK = "create orders-prod before-42"
ENDS = f"{ASK} --keep 14d"


async def made(story: Story, text: str = ASK, clock: SteppedClock | None = None) -> Message:
    """A backup, asked for, approved and completed; its card."""
    card = await story.asks(text)
    await story.approves(card)
    await said(story, card, "is complete", clock)
    return card


async def said(story: Story, card: Message, words: str, clock: SteppedClock | None = None) -> str:
    """Wait until a thread says so; a stepped clock goes on a minute at a time."""
    if clock is None:
        return await story.until_said(card, words)
    async with asyncio.timeout(20):
        while not (found := [line for line in story.thread(card) if words in line]):
            clock.advance(minutes=1)
            await asyncio.sleep(0.01)
    return found[0]


async def deletes(
    story: Story, text: str = "delete before-42", name: str = "before-42", who: str = ANA
) -> Reply:
    """Somebody asks for a deletion, and types the name again."""
    assert (await story.types(text, who=who)).error is None
    await story.workspace.until(lambda: story.workspace.modal(who), DEADLINE)
    return await story.workspace.submit(who, {NAME: name})


def names(story: Story) -> list[str]:
    """The backups that RDS still lists."""
    return [backup.name for backup in story.region.backups if backup.exists]


async def test_a_deletion_is_approved_like_a_backup(story: Story) -> None:
    """The name is typed again, the DBA approves, and it is said when RDS lists it no more."""
    await made(story)
    assert (await deletes(story)).errors == {}
    assert "Got it: delete the backup `before-42` of orders-prod" in story.form(ANA)
    await story.workspace.close_modal(ANA)
    await story.workspace.until(lambda: len(story.cards) == 2 and story.cards[-1].buttons)
    card = story.cards[-1]
    shown = story.workspace.read(card)
    assert "Delete the backup `before-42`" in shown
    assert "This can't be undone" in shown
    assert "You approved the deletion of `before-42`. It's being deleted now" in (
        await story.approves(card)
    )
    end = await story.until_said(card, "@ana Deleted")

    assert story.thread(card)[0] == "Approved by @ben. Deleting it now."
    assert "approved by @ben" in end
    assert "before-42" not in names(story)
    made_here = (await story.types("list")).message
    assert made_here is not None
    assert "| deleted" in story.workspace.read(made_here)


async def test_a_wrong_name_deletes_nothing(story: Story) -> None:
    """The form says so beside the field."""
    await made(story)
    reply = await deletes(story, name="before-43")

    assert "That isn't the backup's name" in reply.errors[NAME]
    assert len(story.cards) == 1


async def test_a_deletion_that_was_already_requested(story: Story) -> None:
    """The second one is told whose is first; no other name is offered."""
    await made(story)
    await deletes(story)
    await deletes(story, who=BEN)

    assert "@ana's request for `before-42` is still open" in story.form(BEN)
    assert "Try" not in story.form(BEN)


async def test_a_deletion_that_is_rejected_deletes_nothing(story: Story) -> None:
    """And says so in its own words."""
    await made(story)
    await deletes(story)
    await story.workspace.close_modal(ANA)
    await story.workspace.until(lambda: len(story.cards) == 2 and story.cards[-1].buttons)
    await story.rejects(story.cards[-1], why="still needed")
    line = await story.until_said(story.cards[-1], "rejected")

    assert "Nothing was deleted." in line
    assert "before-42" in names(story)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("delete nightly-1", "I haven't made a backup called"),
        ("delete nothing-1 orders-prod", "orders-prod has no backup"),
        ("delete {automated} orders-prod", "isn't a manual backup"),
        ("delete before-42 nowhere", "I can't find an instance"),
    ],
)
async def test_what_cannot_be_deleted(story: Story, text: str, words: str) -> None:
    """Refused at once, in plain words, before anything is asked."""
    automated = next(b.name for b in story.region.backups if b.type == "auto")
    reply = await story.types(text.format(automated=automated))

    assert reply.message is not None
    assert words in story.workspace.read(reply.message)
    assert story.workspace.modal(ANA) is None


async def test_a_running_backup_is_not_deleted(story: Story) -> None:
    """It is said to be running."""
    (orders,) = [i for i in story.region.instances if i.name == "orders-prod"]
    story.region.add_backup(orders, "by-hand-1", type="manual", takes=timedelta(hours=9))
    reply = await story.types("delete by-hand-1 orders-prod")

    assert reply.message is not None
    assert "is still running" in story.workspace.read(reply.message)


async def test_a_backup_made_elsewhere_can_be_deleted(story: Story) -> None:
    """With its instance behind its name; this rule wants no approval."""
    (sandbox,) = [i for i in story.region.instances if i.name == "dev-sandbox"]
    began = story.clock.now() - timedelta(days=30)
    story.region.add_backup(sandbox, "by-hand-1", type="manual", began=began)
    await deletes(story, "delete by-hand-1 dev-sandbox", "by-hand-1")
    await story.workspace.until(lambda: story.cards, DEADLINE)
    await story.until_said(story.cards[-1], "@ana Deleted")

    assert "by-hand-1" not in names(story)


async def test_an_unanswered_delete_is_sent_again(story: Story) -> None:
    """Twice is once: the backup has one id."""
    await made(story)
    await deletes(story)
    await story.workspace.close_modal(ANA)
    await story.workspace.until(lambda: len(story.cards) == 2 and story.cards[-1].buttons)
    lost = [rds_faults.LOST_ANSWER, rds_faults.UNAVAILABLE]
    story.region.faults.next(Operation.DELETE_BACKUP, *lost)
    await story.approves(story.cards[-1])
    await story.until_said(story.cards[-1], "@ana Deleted")

    assert "before-42" not in names(story)


async def test_a_backup_with_an_end_is_announced_and_deleted(opens: Opens) -> None:
    """A day before, with a button; then it is gone, and the thread says so."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await made(story, ENDS, clock)
        assert "kept for 14 days, then deleted" in story.workspace.read(card)
        assert "will be deleted automatically" in story.thread(card)[-1]
        clock.advance(days=12, hours=20)
        await asyncio.sleep(0.2)
        assert "To keep it, press" not in " ".join(story.thread(card))
        clock.advance(hours=5)
        warning = await said(story, card, "To keep it, press", clock)
        assert warning.startswith("@ana ")
        await asyncio.sleep(0.2)
        assert "before-42" in names(story)
        clock.advance(hours=25)
        await said(story, card, "Deleted `before-42` after 14 days", clock)

        assert "before-42" not in names(story)


async def test_a_kept_backup_is_not_deleted(opens: Opens) -> None:
    """Whoever presses the button is named; a second click is told who was first."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await made(story, ENDS, clock)
        clock.advance(days=13, hours=1)
        await said(story, card, "To keep it, press", clock)
        (warning,) = [m for m in story.workspace.thread(OPS, card.ts) if KEEP_BACKUP in m.buttons]
        await story.workspace.click(DAN, warning.ts, KEEP_BACKUP)
        await story.hears("`before-42` will be kept", who=DAN)
        await said(story, card, "@dan is keeping", clock)
        await story.workspace.click(BEN, warning.ts, KEEP_BACKUP)
        await story.hears("@dan already kept `before-42`", who=BEN)
        clock.advance(days=3)
        await asyncio.sleep(0.3)

        assert "before-42" in names(story)


async def test_nothing_is_deleted_unannounced(opens: Opens) -> None:
    """The bot was away for a month: it announces first, and waits a day."""
    clock = SteppedClock()
    async with opens(clock=clock) as story:
        async with story.bot():
            card = await made(story, ENDS, clock)
        clock.advance(days=30)
        async with story.bot():
            await said(story, card, "To keep it, press")
            await asyncio.sleep(0.3)
            assert "before-42" in names(story)
            clock.advance(hours=24, minutes=1)
            await said(story, card, "Deleted `before-42` after 14 days", clock)

            assert "before-42" not in names(story)


async def test_an_announcement_that_slack_took_late_counts_from_then(opens: Opens) -> None:
    """Slack was away for three days: people still get their day."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await made(story, ENDS, clock)
        story.workspace.faults.always(slack_faults.ERROR, "chat.postMessage", "chat.update")
        clock.advance(days=13, hours=1)
        for _ in range(72):
            await asyncio.sleep(0.02)
            clock.advance(hours=1)
        story.workspace.faults.clear()
        await said(story, card, "To keep it, press", clock)
        for _ in range(23):
            clock.advance(hours=1)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert "before-42" in names(story)
        clock.advance(hours=2)
        await said(story, card, "Deleted `before-42` after 14 days", clock)


async def test_a_backup_that_is_gone_already_is_not_announced(opens: Opens) -> None:
    """Somebody deleted it in the console."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await made(story, ENDS, clock)
        (backup,) = [b for b in story.region.backups if b.name == "before-42"]
        story.region.delete_backup(backup.id)
        clock.advance(days=15)
        await asyncio.sleep(0.5)
        clock.advance(days=2)
        await asyncio.sleep(0.3)

        assert "deleted after" not in " ".join(story.thread(card))
        assert "To keep it, press" not in " ".join(story.thread(card))


async def test_rds_that_does_not_delete_is_told(opens: Opens) -> None:
    """The backup stays, and its requester hears why."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await made(story, ENDS, clock)
        story.region.faults.always(rds_faults.refused(403, "DBS.200010"), Operation.DELETE_BACKUP)
        clock.advance(days=13, hours=1)
        await said(story, card, "To keep it, press", clock)
        clock.advance(hours=25)
        line = await said(story, card, "still billed", clock)

        assert "rds:backup:delete" in line
        assert "before-42" in names(story)
