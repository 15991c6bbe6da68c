"""Reject with a reason, withdraw, ask again, and break the glass."""

import asyncio

from bot.demo.world import ANA, BEN, CAT, DAN
from bot.slack.messages.ids import APPROVE, ASK_AGAIN, BREAK_GLASS, NAME, REASON, REJECT, WITHDRAW
from tests.scenarios.test_approvals import records
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story

GLASS = """
[approval]
approvers = ["S0DBA"]
approvals = 2
break_glass = ["U0ANA"]
"""
ASK = "create orders-prod before-42"
HOSTILE = "<!channel> `x` *bold* \n<@U0DAN> & </tag>"


def buttons(story: Story) -> list[str]:
    """The buttons of the newest card."""
    return story.cards[-1].buttons


async def test_a_rejection_says_why(story: Story) -> None:
    """The reason reaches the thread, the requester and the trail; the form answers the DBA."""
    card = await story.asks()
    answer = await story.rejects(card, why="the disk is full, ask again on Monday")

    assert "You rejected the backup of orders-prod" in answer
    line = await story.until_said(card, "rejected")
    assert line.startswith("@ana ")
    assert "by @ben" in line
    assert "the disk is full, ask again on Monday" in line
    async with records(story, card) as kept:
        trail = await kept.store.audit_trail(kept.request_id)
        (entry,) = [entry for entry in trail if entry.action == "rejected"]
    assert (entry.actor, entry.detail["reason"]) == (BEN, "the disk is full, ask again on Monday")
    assert (story.creates, buttons(story)) == (0, [ASK_AGAIN])


async def test_a_rejection_wants_a_reason(story: Story) -> None:
    """Blanks are none: the form stays open and says so, and the request waits on."""
    card = await story.asks()
    await story.workspace.click(BEN, card.ts, REJECT)
    await story.workspace.until(lambda: story.workspace.modal(BEN), DEADLINE)
    reply = await story.workspace.submit(BEN, {REASON: "  \n "})

    assert list(reply.errors) == [REASON]
    async with records(story, card) as kept:
        assert await kept.clicks() == []
    await story.workspace.submit(BEN, {REASON: "too late in the day"})
    assert "too late in the day" in await story.until_said(card, "rejected")


async def test_a_form_that_was_overtaken_says_so(story: Story) -> None:
    """Ben thinks about his reason while Cat approves: his form tells him, nothing is undone."""
    card = await story.asks()
    await story.workspace.click(BEN, card.ts, REJECT)
    await story.workspace.until(lambda: story.workspace.modal(BEN), DEADLINE)
    await story.approves(card, who=CAT)
    await story.workspace.submit(BEN, {REASON: "no"})

    assert "@cat already approved this" in story.form(BEN)
    await story.until_said(card, "is complete")
    assert story.made("before-42") == 1


async def test_hostile_reasons_and_descriptions_are_plain_text(story: Story) -> None:
    """Nobody is called by them, and no span of the bot's own is broken."""
    card = await story.asks("create orders before-42 a *bold* <!channel> `wish`")
    await story.rejects(card, why=HOSTILE)
    line = await story.until_said(card, "rejected")

    assert "\n" not in line
    assert story.workspace.broadcast_mentions == []
    assert "<!channel>" not in str([m.blocks for m in story.workspace.history.messages])
    assert "<@U0DAN>" not in str([m.blocks for m in story.workspace.history.messages])


async def test_only_the_requester_can_withdraw(story: Story) -> None:
    """Ben cannot; Ana can, and the card loses its buttons."""
    card = await story.asks()
    refused = await story.withdraws(card, who=BEN)
    answer = await story.withdraws(card)
    line = await story.until_said(card, "withdrew")

    assert "@ana" in refused
    assert "You withdrew" in answer
    assert "Nothing was started" in line
    assert buttons(story) == [ASK_AGAIN]
    late = await story.approves(card, stale=True)
    assert "withdrew" in late
    async with records(story, card) as kept:
        assert [click.split()[-1] for click in await kept.clicks()] == [
            "not_the_requester",
            "decided",
            "already_decided",
        ]
    assert story.creates == 0


async def test_withdrawn_and_approved_in_the_same_instant(story: Story) -> None:
    """One of them is true, and both hear which."""
    card = await story.asks()
    answers = await asyncio.gather(story.withdraws(card), story.approves(card))

    withdrawn = "You withdrew" in answers[0]
    assert withdrawn != ("You approved" in answers[1])
    await story.until_said(card, "withdrew" if withdrawn else "is complete")
    assert story.creates == (not withdrawn)


async def test_asking_again_is_a_new_request(opens: Opens) -> None:
    """From an expired card, with all that was asked: another card, under the same policy."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks("create orders before-42 for the upgrade")
        clock.advance(hours=8)
        await story.until_said(card, "expired")
        await story.workspace.until(lambda: card.buttons == [ASK_AGAIN])
        answer = await story.asks_again(card, who=DAN)
        await story.workspace.until(lambda: len(story.cards) == 2 and story.cards[1].buttons)
        again = story.cards[1]
        text = story.workspace.read(again)

        assert "Got it: back up orders" in answer
        assert "Requested by @dan" in text
        assert "for the upgrade" in text
        assert again.buttons[:2] == [APPROVE, REJECT]
        refused = await story.approves(again, who=DAN)
        assert "you requested it" in refused
        async with records(story, card) as old, records(story, again) as new:
            assert old.request_id != new.request_id
            first = (await new.store.audit_trail(new.request_id))[0]
            assert first.detail["again"] == old.request_id


async def test_asking_again_with_what_cannot_be(story: Story) -> None:
    """A bad name stands at its field; a name that an open request has, too."""
    card = await story.asks()
    await story.rejects(card)
    await story.workspace.until(lambda: card.buttons == [ASK_AGAIN], DEADLINE)
    await story.workspace.click(ANA, card.ts, ASK_AGAIN)
    await story.workspace.until(lambda: story.workspace.modal(ANA), DEADLINE)
    assert "before-42" in story.form(ANA)

    bad = await story.workspace.submit(ANA, {NAME: "42-before"})
    assert "letter" in bad.errors[NAME]
    await story.asks("create billing-prod taken-name", who=BEN)
    taken = await story.workspace.submit(ANA, {NAME: "taken-name"})
    assert "taken" in taken.errors[NAME]
    await story.workspace.submit(ANA, {NAME: "before-43"})
    assert "Got it" in story.form(ANA)


async def test_the_same_form_sent_twice_is_one_request(opens: Opens) -> None:
    """Slack delivers it again: one card."""
    async with opens() as story, story.bot():
        card = await story.asks()
        await story.rejects(card)
        await story.workspace.until(lambda: card.buttons == [ASK_AGAIN], DEADLINE)
        await story.workspace.click(ANA, card.ts, ASK_AGAIN)
        await story.workspace.until(lambda: story.workspace.modal(ANA), DEADLINE)
        await story.workspace.submit(ANA, {}, deliver_twice=True)
        await story.workspace.until(lambda: len(story.cards) == 2 and story.cards[1].buttons)
        await story.approves(story.cards[1])
        await story.until_said(story.cards[1], "is complete")

        assert len(story.cards) == 2
        assert story.creates == 1


async def test_breaking_the_glass_is_loud(opens: Opens) -> None:
    """Ana starts it alone: at once, with her reason, before the whole channel, on the trail."""
    async with opens(GLASS) as story, story.bot():
        card = await story.asks(ASK)
        assert BREAK_GLASS in card.buttons
        answer = await story.breaks_glass(card, why="the disk is dying")
        line = await story.until_said(card, "the disk is dying")
        await story.until_said(card, "is complete")

        assert "without approval" in answer
        assert "@dba" in line
        assert "@ana" in line
        in_channel = [story.workspace.read(m) for m in story.workspace.messages("C0OPS")]
        assert line in in_channel
        assert "the disk is dying" in story.workspace.read(story.cards[0])
        async with records(story, card) as kept:
            trail = await kept.store.audit_trail(kept.request_id)
            (entry,) = [entry for entry in trail if entry.action == "break_glass"]
        assert (entry.actor, entry.detail["reason"], entry.rule) == (
            ANA,
            "the disk is dying",
            "[approval]",
        )
        assert story.made("before-42") == 1


async def test_not_everybody_may_break_the_glass(opens: Opens) -> None:
    """Dan presses the button: no form, who may, and nothing starts."""
    async with opens(GLASS) as story, story.bot():
        card = await story.asks(ASK)
        answer = await story.breaks_glass(card, who=DAN)

        assert "@ana" in answer
        assert story.workspace.modal(DAN) is None
        async with records(story, card) as kept:
            assert await kept.clicks() == ["U0DAN break_glass may_not_break_glass"]
        assert story.creates == 0


async def test_without_the_policy_there_is_no_glass(story: Story) -> None:
    """The button is not drawn where nobody may press it."""
    card = await story.asks()

    assert card.buttons == [APPROVE, REJECT, WITHDRAW]


async def test_a_repeated_request_keeps_its_retention(story: Story) -> None:
    """A backup that was to be deleted by itself does not stay for ever the second time."""
    card = await story.asks("create orders-prod before-42 --keep 14d")
    await story.rejects(card)
    await story.workspace.until(lambda: card.buttons == [ASK_AGAIN], DEADLINE)
    await story.asks_again(card)
    await story.workspace.until(lambda: len(story.cards) == 2, DEADLINE)

    assert "kept for 14 days, then deleted" in story.workspace.read(story.cards[1])
