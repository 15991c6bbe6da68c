"""What the policy promises, seen from Slack: how many, who, where, and who is called."""

import asyncio
import random

import pytest

from bot.demo.world import ANA, BEN, CAT, DAN, OPS
from bot.slack.messages.ids import APPROVE
from tests.scenarios.test_approvals import TWO, records
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens

ASK = "create orders-prod before-42"
BOARD = [f"U0B{number}" for number in range(1, 6)]
OTHERS = [f"U0X{number}" for number in range(1, 5)]
THREE_OF_FIVE = '[[rule]]\ninstances = ["orders-*"]\napprovers = ["S0BOARD"]\napprovals = 3\n'


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in any order"])
async def test_fifty_clicks_by_ten_people(opens: Opens, *, at_once: bool) -> None:
    """Three of five have to approve: exactly one backup, by three of them, and fifty answers."""
    async with opens(THREE_OF_FIVE) as story:
        workspace = story.workspace
        for user_id in (*BOARD, *OTHERS):
            workspace.add_user(user_id, user_id.lower())
            workspace.channels[OPS].members.add(user_id)
        workspace.add_usergroup("S0BOARD", "board", BOARD)
        people = [*BOARD, *OTHERS, ANA] * 5
        random.Random(42).shuffle(people)  # noqa: S311, an order, no secret
        async with story.bot():
            card = await story.asks(ASK)
            if at_once:
                coming = [workspace.click(who, card.ts, APPROVE, stale=True) for who in people]
                replies = await asyncio.gather(*coming)
            else:
                replies = [
                    await workspace.click(who, card.ts, APPROVE, stale=True) for who in people
                ]
            await story.until_said(card, "is complete")
            await workspace.until(
                lambda: sum(len(workspace.ephemerals(who)) for who in set(people)) == 51, DEADLINE
            )  # Ana's command was answered, too

            assert {reply.error for reply in replies} == {None}
            assert (story.creates, story.made("before-42")) == (1, 1)
            async with records(story, card) as kept:
                approvers = (await kept.request()).approvers
                clicks = await kept.clicks()
            assert len(approvers) == 3
            assert set(approvers) <= set(BOARD)
            assert len(clicks) == 50
            verdicts = [click.split()[-1] for click in clicks]
            assert (verdicts.count("counted"), verdicts.count("decided")) == (2, 1)
            first, second = (workspace.names[who] for who in approvers[:2])
            assert story.thread(card)[:2] == [
                f"@{first} approved (1 of 3 approvals).",
                f"@{second} approved (2 of 3 approvals).",
            ]


async def test_a_partial_approval_is_seen(opens: Opens) -> None:
    """The card says one of two and by whom, and so does a line in the thread."""
    async with opens(TWO) as story, story.bot():
        card = await story.asks(ASK)
        await story.approves(card)
        line = await story.until_said(card, "1 of 2")
        text = story.workspace.read(story.cards[0])

        assert line == "@ben approved (1 of 2 approvals)."
        assert "1 of 2" in text
        assert "@ben" in text
        await story.approves(card, who=CAT)
        await story.until_said(card, "is complete")
        assert sum("1 of 2" in line for line in story.thread(card)) == 1


async def test_what_an_approver_sees(story_of_orders: str) -> None:
    """All that one needs to decide in five seconds stands on the card."""
    for words in (
        "orders-prod",
        "before-42",
        "Requested by @ana",
        "for the upgrade",
        "MySQL 8.0",
        "available",
        "Last successful backup 21 h ago",
        "38.1 GB",
        "usually",
        "If you approve",
        "@dba",
    ):
        assert words in story_of_orders


@pytest.fixture
async def story_of_orders(opens: Opens) -> str:
    """The card that waits, as text."""
    async with opens() as story, story.bot():
        await story.asks("create orders before-42 for the upgrade")
        return story.workspace.read(story.cards[0])


async def test_one_may_ask_only_where_the_policy_says(opens: Opens) -> None:
    """`channels`: elsewhere the asker is told where."""
    config = '[approval]\napprovers = ["S0DBA"]\nchannels = ["C0DBA"]\n'
    async with opens(config) as story:
        story.workspace.add_channel("C0DBA", "dba", [ANA, BEN])
        async with story.bot():
            await story.types(ASK)
            answer = await story.hears("#dba")

            assert "orders-prod" in answer
            assert story.cards == []


async def test_the_card_goes_where_the_policy_says(opens: Opens) -> None:
    """`channel`: asked in #ops, approved in #approvals."""
    config = '[approval]\napprovers = ["S0DBA"]\nchannel = "C0APPROVALS"\n'
    async with opens(config) as story:
        story.workspace.add_channel("C0APPROVALS", "approvals", [BEN, CAT, "U0BOT"])
        async with story.bot():
            await story.types(ASK)
            messages = story.workspace.messages
            await story.workspace.until(lambda: messages("C0APPROVALS"), DEADLINE)

            assert APPROVE in messages("C0APPROVALS")[0].buttons
            assert story.cards == []


async def test_silent_approvers_may_decide_and_are_not_called(opens: Opens) -> None:
    """`notify`: Ben is called, and Cat may approve all the same."""
    config = '[approval]\napprovers = ["S0DBA"]\nnotify = ["U0BEN"]\n'
    async with opens(config) as story, story.bot():
        card = await story.asks(ASK)

        assert "@ben" in story.workspace.read(card)
        assert "S0DBA" not in str(card.blocks)
        assert CAT not in str(card.blocks)
        assert "You approved" in await story.approves(card, who=CAT)


async def test_who_left_slack_does_not_count(opens: Opens) -> None:
    """Two of @dba must approve, and Cat left: said to the asker, before anybody waits."""
    clock = SteppedClock()
    async with opens(TWO, clock) as story, story.bot():
        story.workspace.users[CAT].deleted = True
        clock.advance(hours=2)
        await story.types(ASK)
        answer = await story.hears("requires 2 approvals")

        assert "2" in answer
        assert "@ben" in answer
        assert story.cards == []


async def test_reminders_call_only_who_can_still_act(opens: Opens) -> None:
    """After 1 h both, after 3 h only Cat, since Ben approved; then it expires."""
    clock = SteppedClock()
    async with opens(TWO, clock) as story, story.bot():
        card = await story.asks(ASK)
        clock.advance(minutes=59)
        assert story.thread(card) == []
        clock.advance(minutes=1)
        first = await story.until_said(card, "has been waiting")
        await story.approves(card)
        await story.until_said(card, "approved (1 of 2")
        clock.advance(hours=2)
        await story.workspace.until(lambda: len(story.thread(card)) == 3, DEADLINE)
        second = story.thread(card)[-1]

        assert "@dba" in first
        assert "@cat" in second
        assert "@dba" not in second
        await story.approves(card, who=CAT)
        await story.until_said(card, "Starting")
        clock.advance(hours=4)
        assert sum("has been waiting" in line for line in story.thread(card)) == 2


async def test_restarts_neither_lose_nor_double_reminders(opens: Opens) -> None:
    """The bot is away when one is due, and says it once when it is back; a second stop is mute."""
    clock = SteppedClock()
    async with opens(clock=clock) as story:
        async with story.bot():
            card = await story.asks()
        clock.advance(hours=1, minutes=5)
        async with story.bot():
            await story.until_said(card, "has been waiting")
        async with story.bot():
            await story.approves(card)
            await story.until_said(card, "Starting")

        assert sum("has been waiting" in line for line in story.thread(card)) == 1


async def test_a_clock_that_jumps(opens: Opens) -> None:
    """Back by a day: the click counts. Ahead past the end: it is expired, and says so."""
    clock = SteppedClock()
    async with opens(TWO, clock) as story, story.bot():
        card = await story.asks(ASK)
        clock.advance(days=-1)
        first = await story.approves(card)
        clock.advance(days=3)
        late = await story.approves(card, who=CAT, stale=True)

        assert "You approved" in first
        assert "expired" in late
        assert "expired" in await story.until_said(card, "expired")
        assert story.creates == 0


async def test_the_policy_of_an_instance_for_who_asks(opens: Opens) -> None:
    """`/backup policy orders-prod`: by which rule, who, how many; and why not, if not."""
    config = (
        '[[rule]]\ninstances = ["orders-*"]\nrequesters = ["U0DAN"]\napprovers = ["S0DBA"]\n'
        'approvals = 2\nbreak_glass = ["U0BEN"]\n'
    )
    async with opens(config) as story, story.bot():
        await story.types("policy orders-prod")
        ana = story.heard(ANA)
        await story.types("policy orders-prod", who=DAN)
        dan = story.heard(DAN)
        await story.types("policy")
        everything = story.heard(ANA)

        for words in ("orders-prod", "rule 1", "@dan", "@dba", "2", "8 h", "@ben"):
            assert words in ana
        assert "You can't" in ana
        assert "You can't" not in dan
        assert "orders-*" in everything
        assert "default policy" in everything


async def test_the_trail_for_those_who_may_read_it(opens: Opens) -> None:
    """`/backup audit`: Ben sees who did what; Ana, no approver, is told who may."""
    async with opens() as story, story.bot():
        card = await story.asks("create orders-prod before-42")
        await story.approves(card, who=DAN)
        await story.approves(card)
        await story.until_said(card, "is complete")
        await story.types("audit orders-prod", who=BEN)
        ben = story.heard(BEN)
        await story.types("audit orders-prod", who=ANA)
        ana = story.heard(ANA)
        await story.types("audit gone-instance", who=BEN)
        gone = story.heard(BEN)

        for words in ("@ana", "@dan", "@ben", "before-42", "approved", "complete", "[approval]"):
            assert words in ben
        assert "@dba" in ana
        assert "before-42" not in ana
        assert "gone-instance" in gone
