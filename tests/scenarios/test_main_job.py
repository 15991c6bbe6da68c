"""From the command to the last word, for every ending."""

from datetime import timedelta

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.records import Ending
from bot.demo.world import ANA, OPS
from bot.slack.messages.ids import ASK_AGAIN
from tests.stepped_clock import SteppedClock
from tests.story import Opens, Story


async def test_requested_approved_backed_up_and_announced(story: Story) -> None:
    """Ana asks, Ben approves, and the thread says when it is complete, with size and duration."""
    card = await story.asks('create orders before-42 "before the 4.2 migration"')
    shown = story.workspace.read(card)
    answer = await story.approves(card)
    last = await story.until_said(card, "is complete")

    assert "Back up orders-prod" in shown
    assert "before the 4.2 migration" in shown
    assert "approved" in answer
    assert story.thread(card)[0] == "Approved by @ben. Starting the backup now."
    assert "The backup has started" in story.thread(card)[1]
    assert "@ana" in last
    assert "38.4 GB in 7 min" in last
    assert "orders-prod is backed up" in story.workspace.read(story.cards[0])
    assert story.cards[0].buttons == []
    assert (story.creates, story.made("before-42")) == (1, 1)


async def test_an_unusual_backup_is_flagged_at_the_end(story: Story) -> None:
    """Card and thread say what to check, with the usual beside it."""
    story.region.instances[0].size_kb = 18 * 1024 * 1024
    story.region.next_backup(takes=timedelta(minutes=31))
    card = await story.asks("create orders before-42")
    await story.approves(card)
    last = await story.until_said(card, "is complete")

    odd = "Check it: at 18 GB it's much smaller than usual (37.9 GB). It took 31 min; usually"
    assert "18 GB in 31 min" in last
    assert odd in last
    assert odd in story.workspace.read(story.cards[0])


async def test_a_backup_without_a_size_is_not_just_complete(story: Story) -> None:
    """RDS reports 0: card and thread say so, and how to check."""
    story.region.instances[0].size_kb = 0
    card = await story.asks("create orders before-42")
    await story.approves(card)
    last = await story.until_said(card, "is complete")

    check = "Before you rely on it, check its size with /backup list orders-prod."
    assert "RDS reported no size yet" in last
    assert check in last.replace("`", "")
    assert check in story.workspace.read(story.cards[0]).replace("`", "")


async def test_an_instance_with_a_chinese_name_is_backed_up(story: Story) -> None:
    """By its name, and under a backup name that RDS takes."""
    meant = story.region.add_instance("订单库-prod")
    story.region.add_instance("prod")
    card = await story.asks("create 订单库-prod")
    await story.approves(card)
    await story.until_said(card, "is complete")

    (backup,) = (b for b in story.region.backups if b.name.startswith("prod-"))
    assert "订单库-prod is backed up" in story.workspace.read(story.cards[0])
    assert backup.instance == meant


async def test_a_rule_without_approvals_runs_at_once(story: Story) -> None:
    """`approvals = 0`: no button, no waiting."""
    await story.types("create dev-sandbox quick-1")
    await story.workspace.until(lambda: story.cards)
    await story.until_said(story.cards[0], "is complete")

    assert "No approval needed" in story.thread(story.cards[0])[0]
    assert story.made("quick-1") == 1


async def test_a_rejected_request_starts_nothing(story: Story) -> None:
    """Ben rejects: everybody reads who, and RDS is never asked."""
    card = await story.asks()
    await story.rejects(card)
    line = await story.until_said(card, "rejected")

    assert "@ben" in line
    assert "@ana" in line
    assert story.creates == 0


async def test_a_failure_is_said_in_the_channel_too(story: Story) -> None:
    """RDS says FAILED: Ana is mentioned, and the channel reads it as well."""
    story.region.next_backup(Ending.FAILED)
    card = await story.asks()
    await story.approves(card)
    line = await story.until_said(card, "failed")

    assert "@ana" in line
    assert story.workspace.messages(OPS)[-1].reply_broadcast


async def test_a_backup_that_vanishes_is_lost(story: Story) -> None:
    """RDS accepted it and lists it no more: that is neither completed nor failed."""
    story.region.next_backup(Ending.VANISHED)
    card = await story.asks()
    await story.approves(card)

    assert "@ana" in await story.until_said(card, "disappeared")


async def test_a_refusal_of_rds_says_why(story: Story) -> None:
    """RDS would not start it: in plain words, with code and request id, and no gateway text."""
    story.region.faults.next_create(rds_faults.refused(409, "DBS.200316"))
    card = await story.asks()
    await story.approves(card)
    line = await story.until_said(card, "refused")

    assert "storage" in line
    assert "DBS.200316" in line
    assert story.made("before-42") == 0


async def test_a_request_that_no_one_decides_expires(opens: Opens) -> None:
    """Eight hours go by: no button is left, and the thread says what to do next."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        clock.advance(hours=8)
        line = await story.until_said(card, "expired")

        assert "/backup create orders before-42" in line
        assert story.cards[0].buttons == [ASK_AGAIN]
        assert story.creates == 0


async def test_the_same_command_twice_is_one_request(story: Story) -> None:
    """Slack delivers an envelope again: one card, and the same answer."""
    await story.types("create orders before-42", twice=True)
    await story.workspace.until(lambda: story.cards)
    card = story.cards[0]
    await story.approves(card)
    await story.until_said(card, "is complete")

    assert len(story.cards) == 1
    assert story.creates == 1


async def test_every_refused_command_is_answered_to_the_asker_alone(story: Story) -> None:
    """Unknown, replica, frozen, taken: plain words, no card, and nobody is asked to approve."""
    for text, words in {
        "create order-prod before-42": "orders-prod",
        "create orders-replica before-42": "replica",
        "create frozen-legacy before-42": "frozen",
        "create orders nightly-1": "nightly-1",
        "create orders 42-before": "before-42",
        "creat orders before-42": "create",
    }.items():
        reply = await story.types(text)
        assert reply.error is None
        assert words in (await story.hears(words)).lower()

    assert story.cards == []
    assert story.creates == 0


async def test_a_busy_instance_is_reported_before_approval(story: Story) -> None:
    """A backup is running already: the answer names it."""
    orders = story.region.instances[0]
    began, takes = story.clock.now(), timedelta(days=7)
    story.region.add_backup(orders, "nightly-0", began=began, takes=takes)
    await story.types("create orders before-42")

    assert "nightly-0" in await story.hears("backed up")
    assert story.cards == []


async def test_help_says_how(story: Story) -> None:
    """It answers in the ack, to the asker alone."""
    for text in ("help", "HELP", "help create"):
        reply = await story.types(text)
        assert reply.message is not None
        assert "/backup create" in story.heard(ANA)


async def test_a_channel_that_the_bot_is_not_in_is_said_to_the_asker(story: Story) -> None:
    """Without a card nobody could approve: Ana hears what to do, with her command to copy."""
    story.workspace.add_channel("C0PRIVATE", "private", [ANA], private=True)
    reply = await story.workspace.command(ANA, "C0PRIVATE", "/backup", "create orders before-42")
    assert reply.error is None
    answer = await story.hears("can't post")

    assert "/invite" in answer
    assert "/backup create orders before-42" in answer
    assert story.workspace.messages("C0PRIVATE") == []
    assert story.creates == 0
