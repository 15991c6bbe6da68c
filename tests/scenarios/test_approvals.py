"""Who may decide, what every click is told, and what is kept of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Content, Message
from bot.demo.world import ANA, BEN, CAT, DAN, OPS
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.slack.messages.ids import APPROVE
from bot.storage.engine import open_engine
from bot.storage.store import Store
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story

GROUP_CALL = "usergroups.users.list"
EVE = "U0EVE"
TWO = '[approval]\napprovers = ["S0DBA"]\napprovals = 2\n'
ASK = "create orders-prod before-42"  # without an alias


@dataclass
class Records:
    """What the bot has on disk of one card's request."""

    store: Store
    request_id: str

    async def request(self) -> BackupRequest:
        request = await self.store.load(self.request_id)
        assert request is not None
        return request

    async def clicks(self) -> list[str]:
        """Each click on the trail, oldest first: who, what, and what came of it."""
        trail = await self.store.audit_trail(self.request_id)
        return [
            f"{e.actor} {e.detail['choice']} {e.detail['verdict']}" for e in trail if is_click(e)
        ]


def is_click(entry: AuditEntry) -> bool:
    return "verdict" in entry.detail


@asynccontextmanager
async def records(story: Story, card: Message) -> AsyncIterator[Records]:
    """The bot's own database, beside the bot."""
    engine = open_engine(story.environ["DATABASE_URL"])
    contents = (*card.edits, card.content)
    ids = [button["value"] for content in contents for _, button in content.buttons()]
    try:
        yield Records(Store(engine), ids[0])
    finally:
        await engine.dispose()


def pressed(story: Story, value: str) -> Message:
    """A message whose Approve holds a value of the clicker's own making."""
    text = {"type": "plain_text", "text": "Approve"}
    button = {"type": "button", "action_id": APPROVE, "text": text, "value": value}
    blocks = [{"type": "actions", "block_id": "forged", "elements": [button]}]
    return story.workspace.history.post(OPS, "U0BOT", Content("forged", blocks))


async def test_twenty_clicks_at_once_make_one_backup(story: Story) -> None:
    """Ben and Cat click ten times each in the same instant: one POST, twenty true answers."""
    card = await story.asks()
    said = story.workspace.ephemerals
    replies = await asyncio.gather(
        *(story.workspace.click(who, card.ts, APPROVE) for who in (BEN, CAT) * 10)
    )
    await story.workspace.until(lambda: len(said(BEN)) == len(said(CAT)) == 10, DEADLINE)
    await story.until_said(card, "is complete")

    assert {reply.error for reply in replies} == {None}
    heard = {who: [story.workspace.read(m) for m in said(who)] for who in (BEN, CAT)}
    (winner,) = [who for who in heard if any("You approved" in text for text in heard[who])]
    loser = CAT if winner == BEN else BEN
    mine = sorted(text.split(" the backup")[0].split(" this (")[0] for text in heard[winner])
    assert mine == ["You already approved"] * 9 + ["You approved"]
    name = story.workspace.names[winner]
    assert all(text.startswith(f"@{name} already approved this (") for text in heard[loser])
    assert (story.creates, story.made("before-42")) == (1, 1)
    async with records(story, card) as kept:
        clicks = await kept.clicks()
        assert len(clicks) == 20
        assert clicks.count(f"{winner} approve decided") == 1


async def test_an_approver_and_a_rejecter_in_the_same_instant(story: Story) -> None:
    """One of them decides, and the other hears so."""
    card = await story.asks()
    answers = await asyncio.gather(story.approves(card), story.rejects(card, who=CAT))

    async with records(story, card) as kept:
        request = await kept.request()
        clicks = sorted(click.split()[-1] for click in await kept.clicks())
    assert clicks == ["already_decided", "decided"]
    rejected = request.state is RequestState.REJECTED
    assert ("@cat already rejected this" in answers[0]) is rejected
    assert ("@ben already approved this" in answers[1]) is not rejected
    await story.until_said(card, "rejected" if rejected else "is complete")
    assert story.creates == (not rejected)


async def test_a_click_delivered_twice_is_one_vote(opens: Opens) -> None:
    """Slack sends the same click again: it counts once, and both copies are answered."""
    async with opens(TWO) as story, story.bot():
        card = await story.asks(ASK)
        await story.workspace.click(BEN, card.ts, APPROVE, deliver_twice=True)
        await story.workspace.until(lambda: len(story.workspace.ephemerals(BEN)) == 2, DEADLINE)

        heard = sorted(story.workspace.read(m) for m in story.workspace.ephemerals(BEN))
        assert heard[0].startswith("You already approved this")
        assert heard[1].startswith(
            "You approved the backup of orders-prod. 1 more approval needed"
        )
        async with records(story, card) as kept:
            assert (await kept.request()).approvers == (BEN,)


async def test_who_may_not_decide_hears_why(story: Story) -> None:
    """The requester, though a DBA, and a stranger: refused by the rule, and nothing changes."""
    card = await story.asks(who=BEN)
    async with records(story, card) as kept:
        before = await kept.request()
        own = await story.approves(card, who=BEN)
        strange = [await story.approves(card, who=DAN), await story.rejects(card, who=DAN)]

        assert "you requested it" in own
        assert "([approval]). @dba can." in own
        assert "You can't approve this: only @dba can, for orders-prod ([approval])" in strange[0]
        assert "You can't reject this: only @dba can, for orders-prod ([approval])" in strange[1]
        assert await kept.request() == before
        assert await kept.clicks() == [
            "U0BEN approve self_approval",
            "U0DAN approve not_an_approver",
            "U0DAN reject not_an_approver",
        ]
    assert (story.creates, story.thread(card)) == (0, [])


async def test_after_the_decision_everybody_hears_who_decided(story: Story) -> None:
    """A second click, another's, a change of mind, and one on an old screen at the very end."""
    card = await story.asks()
    await story.approves(card)
    await story.workspace.until(lambda: not card.buttons)
    again = await story.approves(card, stale=True)
    other = await story.approves(card, who=CAT, stale=True)
    regret = await story.rejects(card, stale=True)
    await story.until_said(card, "is complete")
    async with records(story, card) as kept:
        done = await kept.request()
        late = await story.rejects(card, who=CAT, stale=True)

        assert again.startswith("You already approved this (")
        assert other.startswith("@ben already approved this (")
        assert regret.startswith("You already approved this (")
        assert "The backup is complete: 38.4 GB in 7 min" in late
        assert f" at {done.decided_at:%H:%M}). " in again
        assert await kept.request() == done
        assert [click.split()[-1] for click in await kept.clicks()] == [
            "decided",
            *["already_decided"] * 4,
        ]
    assert story.creates == 1


async def test_a_click_after_the_expiry_hears_what_next(opens: Opens) -> None:
    """The screen still shows the button: nothing starts, and the thread has the command."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        clock.advance(hours=8)
        await story.until_said(card, "expired")
        answer = await story.approves(card, stale=True)

        assert "This request expired (Nov 23, 2026 at 22:00). Nothing was started." in answer
        assert "press Request again" in answer
        async with records(story, card) as kept:
            assert (await kept.request()).state is RequestState.EXPIRED
            assert await kept.clicks() == ["U0BEN approve expired"]
            trail = await kept.store.audit_trail(kept.request_id)
            assert [e.action for e in trail].count(AuditAction.EXPIRED) == 1
        assert story.creates == 0


async def test_two_of_two(opens: Opens) -> None:
    """The first approval is counted and shown, the same person's second is not; Cat decides."""
    async with opens(TWO) as story, story.bot():
        card = await story.asks(ASK)
        first = await story.approves(card)
        await story.workspace.until(lambda: "1 of 2" in story.workspace.read(story.cards[0]))
        again = await story.approves(card)
        assert story.creates == 0
        second = await story.approves(card, who=CAT)

        assert "1 more approval needed" in first
        assert "You already approved this" in again
        assert "1 more approval needed from someone else." in again
        assert "It's starting now" in second
        assert "Approved by @ben and @cat. Starting the backup now." in (
            await story.until_said(card, "Starting")
        )
        async with records(story, card) as kept:
            assert [click.split()[-1] for click in await kept.clicks()] == [
                "counted",
                "already_voted",
                "decided",
            ]


async def test_the_requester_counts_where_the_policy_says_so(opens: Opens) -> None:
    """`self_approval = true`: Ben asks, and is the first of two."""
    async with opens(f"{TWO}self_approval = true\n") as story, story.bot():
        card = await story.asks(ASK, who=BEN)

        assert "1 more approval needed" in await story.approves(card, who=BEN)
        assert "It's starting now" in await story.approves(card, who=CAT)


async def test_without_a_config_anybody_else_may_approve(opens: Opens) -> None:
    """Not Ana, who asked; but Dan, who is in no group."""
    async with opens("") as story, story.bot():
        card = await story.asks(ASK)
        own = await story.approves(card, who=ANA)
        await story.approves(card, who=DAN)

        assert "you requested it" in own
        assert "(the default policy). Anyone else here can." in own
        assert "Approved by @dan" in await story.until_said(card, "Starting")


async def test_a_requester_who_may_not_reject_may_withdraw(story: Story) -> None:
    """Ana is no DBA: she is told how to take it back."""
    card = await story.asks()

    assert "Withdraw" in await story.rejects(card, who=ANA)
    assert story.thread(card) == []
    await story.withdraws(card)
    assert "withdrew" in await story.until_said(card, "withdrew")
    assert story.creates == 0


async def test_who_may_not_ask_hears_who_may(opens: Opens) -> None:
    """`requesters`: answered to Ana alone, before there is a card."""
    config = '[[rule]]\ninstances = ["orders-*"]\nrequesters = ["S0DBA"]\n'
    async with opens(config) as story, story.bot():
        await story.types(ASK)
        answer = await story.hears("can request backups of")

        assert "Only @dba can request backups of orders-prod (rule 1, `orders-*`)" in answer
        assert story.cards == []
        await story.asks(ASK, who=BEN)


async def test_while_slack_does_not_know_the_group_no_one_can_request(opens: Opens) -> None:
    """Ben may ask, but Slack cannot say so: he hears that, and not that he may not."""
    config = '[[rule]]\ninstances = ["orders-*"]\nrequesters = ["S0DBA"]\n'
    async with opens(config) as story:
        story.workspace.scopes.discard("usergroups:read")
        async with story.bot():
            await story.types(ASK, who=BEN)
            answer = await story.hears("members from Slack", who=BEN)

        assert "usergroups:read" in answer
        assert story.cards == []


@pytest.mark.parametrize("trouble", ["missing scope", "no such group", "Slack is down"])
async def test_while_slack_does_not_know_the_group_no_one_can_decide(
    opens: Opens, trouble: str
) -> None:
    """Refused closed, with what to check; once Slack knows, the same click counts."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        workspace = story.workspace
        group = workspace.usergroups["S0DBA"]
        card = await story.asks()
        clock.advance(minutes=10)  # what Slack said before is not believed any more
        if trouble == "missing scope":
            workspace.scopes.discard("usergroups:read")
        elif trouble == "no such group":
            del workspace.usergroups["S0DBA"]
        else:
            workspace.faults.always(slack_faults.ERROR, GROUP_CALL)
        async with records(story, card) as kept:
            before = await kept.request()
            answer = await story.approves(card)

            assert "I can't tell whether you can approve this" in answer
            assert "Nothing was changed" in answer
            assert "usergroups:read" in answer
            assert await kept.request() == before
            assert await kept.clicks() == ["U0BEN approve groups_unknown"]
        workspace.scopes.add("usergroups:read")
        workspace.usergroups["S0DBA"] = group
        workspace.faults.clear()
        clock.advance(minutes=1)
        assert "It's starting now" in await story.approves(card)


async def test_a_slow_slack_does_not_delay_the_ack(opens: Opens) -> None:
    """Five click while Slack is silent about the group: each is acked in time, and refused."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        clock.advance(minutes=10)
        story.workspace.faults.always(slack_faults.slow(20), GROUP_CALL)
        clicks = [story.workspace.click(BEN, card.ts, APPROVE) for _ in range(5)]
        replies = await asyncio.gather(*clicks)
        await story.workspace.until(lambda: len(story.workspace.ephemerals(BEN)) == 5, DEADLINE)

        assert {reply.error for reply in replies} == {None}
        for answer in story.workspace.ephemerals(BEN):
            assert "I can't tell" in story.workspace.read(answer)


async def test_a_made_up_button_does_nothing(story: Story) -> None:
    """No request, a long value, an empty one: answered, noted with a clipped id, no more."""
    card = await story.asks()
    async with records(story, card) as kept:
        before = await kept.request()
        for value in ("0" * 32, "x" * 2000, ""):
            assert "I can't find this request" in await story.approves(
                pressed(story, value), who=DAN
            )
        trail = [entry for entry in await kept.store.audit_trail() if is_click(entry)]

        assert [entry.request_id for entry in trail] == ["0" * 32, "x" * 64, ""]
        assert {(entry.actor, entry.detail["verdict"]) for entry in trail} == {
            (DAN, "unknown_request")
        }
        assert await kept.request() == before
    assert story.creates == 0


async def test_a_guest_of_another_workspace_decides_nothing(opens: Opens) -> None:
    """In a shared channel "anybody" means the team that asked."""
    async with opens("") as story, story.bot():
        story.workspace.add_user(EVE, "eve", team_id="T0OTHER")
        card = await story.asks(ASK)
        answer = await story.approves(card, who=EVE)

        assert "it was requested in another workspace" in answer
        async with records(story, card) as kept:
            assert (await kept.request()).votes == ()
            assert await kept.clicks() == ["U0EVE approve other_workspace"]


@pytest.mark.parametrize(
    "fault", [slack_faults.ERROR, slack_faults.DROPPED], ids=["error", "dropped"]
)
async def test_an_answer_that_slack_did_not_take_is_sent_again(
    story: Story, fault: slack_faults.Fault
) -> None:
    """The click counts, and its clicker hears so."""
    card = await story.asks()
    story.workspace.faults.next(slack_faults.RESPONSE_URL, fault)

    assert "You rejected the backup" in await story.rejects(card)
