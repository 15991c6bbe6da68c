"""RDS is slow, down, lost its mind or wants other keys: said once, and over when it is over."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.faults import Fault, How, When
from bot.demo.rds.wire import Answer, Operation
from bot.demo.slack.records import Message
from bot.demo.world import ANA
from bot.runtime.clock import Clock
from tests.stepped_clock import SteppedClock
from tests.story import Opens, Story

APPROVED, ACCEPTED, COMPLETED = (
    "Approved by @ben. Starting the backup now.",
    "The backup has started. RDS backup ID",
    "@ana Your backup is complete",
)
AWAY, BACK = "RDS isn't responding", "RDS is responding again."
KEYS = "RDS rejected the bot's access key"
WRONG_KEYS = rds_faults.refused(401, "APIGW.0301")
LOOKS = (Operation.LIST_BACKUPS, Operation.LIST_INSTANCES)


def beginnings(story: Story, card: Message) -> list[str]:
    """How each line of a thread begins."""
    known = (APPROVED, ACCEPTED, COMPLETED, AWAY, BACK, KEYS)
    return [
        next((words for words in known if line.startswith(words)), line)
        for line in story.thread(card)
    ]


async def until(story: Story, card: Message, words: str, clock: SteppedClock) -> None:
    """Let time pass, half a minute at a time, until this is said."""
    async with asyncio.timeout(20):
        while not any(words in line for line in story.thread(card)):
            clock.advance(seconds=30)
            await asyncio.sleep(0.01)


async def running(story: Story) -> Message:
    """A backup that RDS has accepted, and that takes an hour."""
    card = await story.asks()
    story.region.instances[0].backup_takes = timedelta(hours=1)
    await story.approves(card)
    await story.until_said(card, ACCEPTED)
    return card


@pytest.mark.parametrize(
    "outage", [rds_faults.UNAVAILABLE, rds_faults.DROPPED, rds_faults.GARBAGE, WRONG_KEYS]
)
async def test_down_for_an_hour_while_it_runs(opens: Opens, outage: Fault) -> None:
    """One line when it begins, one when it is over, none in between; and the end is told."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await running(story)
        story.region.faults.always(outage, *LOOKS)
        trouble = KEYS if outage is WRONG_KEYS else AWAY
        await until(story, card, trouble, clock)
        before = len(story.region.calls)
        for _ in range(60):
            clock.advance(minutes=1)
            await asyncio.sleep(0.005)
        calls = len(story.region.calls) - before
        story.region.faults.clear()
        await until(story, card, COMPLETED, clock)

        assert beginnings(story, card) == [APPROVED, ACCEPTED, trouble, BACK, COMPLETED]
        assert calls < 30  # it stands back: the budget would have allowed 3 600


async def test_keys_that_expire_before_it_starts(opens: Opens) -> None:
    """It waits for new ones, ten minutes between two tries, and goes on by itself."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        story.region.faults.always(WRONG_KEYS, Operation.CREATE_BACKUP)
        await story.approves(card)
        await until(story, card, KEYS, clock)
        for tries in range(2, 5):
            async with asyncio.timeout(20):
                while story.creates < tries:
                    clock.advance(minutes=1)
                    await asyncio.sleep(0.01)
        refused = [call.at for call in story.region.calls if call.method == "POST"]
        story.region.faults.clear()
        await until(story, card, COMPLETED, clock)

        assert beginnings(story, card) == [APPROVED, KEYS, ACCEPTED, COMPLETED]
        gaps = [later - sooner for sooner, later in pairwise(refused)]
        assert min(gaps) >= timedelta(minutes=10)
        assert story.made("before-42") == 1


async def test_down_when_it_is_to_start(opens: Opens) -> None:
    """Said after half a minute, not at the first try."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        story.region.faults.always(rds_faults.throttled(5), Operation.CREATE_BACKUP)
        await story.approves(card)
        await until(story, card, AWAY, clock)
        story.region.faults.clear()
        await until(story, card, COMPLETED, clock)

        assert beginnings(story, card) == [APPROVED, AWAY, ACCEPTED, COMPLETED]
        assert story.made("before-42") == 1


async def test_down_before_there_is_a_card(opens: Opens) -> None:
    """Only who asked is told, once; the card comes by itself when RDS is back."""
    clock = SteppedClock()
    async with opens(clock=clock) as story:
        story.region.faults.always(rds_faults.UNAVAILABLE, *LOOKS)
        async with story.bot():
            await story.types("create orders-prod before-42")
            async with asyncio.timeout(20):
                while not any("isn't responding" in line for line in ana_reads(story)):
                    clock.advance(seconds=30)
                    await asyncio.sleep(0.01)
        async with story.bot():  # started again, it says it no second time
            for _ in range(20):
                clock.advance(seconds=60)
                await asyncio.sleep(0.01)
            assert not story.cards
            story.region.faults.clear()
            async with asyncio.timeout(20):
                while not story.cards:
                    clock.advance(seconds=30)
                    await asyncio.sleep(0.01)

    assert sum("isn't responding" in line for line in ana_reads(story)) == 1


def ana_reads(story: Story) -> list[str]:
    """All that only Ana sees in the channel."""
    return [story.workspace.read(message) for message in story.workspace.ephemerals(ANA)]


async def test_one_look_that_fails_is_not_worth_a_word(story: Story) -> None:
    """It is asked again, and nobody hears of it."""
    card = await story.asks()
    story.region.faults.next(Operation.LIST_BACKUPS, *[rds_faults.UNAVAILABLE] * 3)
    await story.approves(card)
    await story.until_said(card, COMPLETED)

    assert beginnings(story, card) == [APPROVED, ACCEPTED, COMPLETED]


async def test_an_unknown_status(story: Story) -> None:
    """The set of statuses is open: it is no end, so the bot looks on."""
    card = await story.asks()
    await story.approves(card)
    await story.until_said(card, ACCEPTED)
    (backup,) = [b for b in story.region.backups if b.name == "before-42"]
    body = (
        f'{{"backups": [{{"id": "{backup.id}", "name": "before-42", "type": "manual",'
        f' "instance_id": "{backup.instance.id}", "status": "HIBERNATING"}}], "total_count": 1}}'
    )
    strange = Fault(When.BEFORE, How.ANSWER, Answer(200, body))
    story.region.faults.next(Operation.LIST_BACKUPS, *[strange] * 3)
    await story.until_said(card, COMPLETED)

    assert beginnings(story, card) == [APPROVED, ACCEPTED, COMPLETED]


class Skewed(Clock):
    """A clock that is wrong by some minutes."""

    def __init__(self, clock: Clock, minutes: float) -> None:
        self._clock, self._skew = clock, timedelta(minutes=minutes)

    def now(self):  # type: ignore[no-untyped-def]  # as Clock's
        return self._clock.now() + self._skew


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_clocks_that_are_ten_minutes_apart(story: Story, minutes: float) -> None:
    """The backup is as long as RDS says, and not overdue because its clock is behind."""
    story.region.clock = Skewed(story.clock, minutes)
    card = await story.asks()
    await story.approves(card)
    said = await story.until_said(card, COMPLETED)

    assert beginnings(story, card) == [APPROVED, ACCEPTED, COMPLETED]
    assert "in 7 min" in said


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_an_unanswered_create_is_adopted_across_clocks(opens: Opens, minutes: float) -> None:
    """What began ten minutes before it was asked for is still ours.

    A minute a second: only answers within five seconds tell what RDS's clock shows.
    """
    async with opens(clock=FastClock(60)) as story, story.bot():
        story.region.clock = Skewed(story.clock, minutes)
        card = await story.asks()
        story.region.faults.next_create(rds_faults.LOST_ANSWER)
        story.region.next_backup(takes=timedelta(seconds=30))
        await story.approves(card)
        await story.until_said(card, COMPLETED)

        assert story.made("before-42") == 1
        assert story.creates == 1


@pytest.mark.parametrize("ask", ["create orders-prod before-42", "create dev-sandbox before-42"])
async def test_what_waits_for_rds_can_be_withdrawn(story: Story, ask: str) -> None:
    """Nobody has to wait for RDS to take back what they asked for; nothing comes of it later."""
    story.region.faults.always(rds_faults.UNAVAILABLE)
    await story.types(ask)
    told = await story.hears("I can't post the card yet")
    assert "To cancel: `/backup withdraw before-42`" in told
    reply = await story.types("withdraw before-42")
    assert reply.message is not None
    assert "You withdrew your request" in story.workspace.read(reply.message)
    story.region.faults.clear()
    calls = len(story.region.calls)
    await story.types(ask.replace("before-42", "before-43"))
    (card,) = await story.workspace.until(lambda: story.cards)
    await asyncio.sleep(0.5)

    assert "before-43" in story.workspace.read(card)
    assert len(story.cards) == 1
    assert len(story.region.calls) > calls
    assert story.made("before-42") == 0


async def test_a_create_that_fails_for_hours_ends(opens: Opens) -> None:
    """It says what was tried, and in the end that nobody knows; a day later nothing starts."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        story.region.faults.always(rds_faults.ERROR, Operation.CREATE_BACKUP)
        await story.approves(card)
        await until(story, card, "tries so far). I'll keep trying until", clock)
        await until(
            story, card, "RDS never confirmed whether it started the backup `before-42`", clock
        )
        tried = story.creates
        story.region.faults.clear()
        for _ in range(24):
            clock.advance(hours=1)
            await asyncio.sleep(0.01)

        assert story.creates == tried < 40
        assert story.made("before-42") == 0
        assert "RDS never confirmed" in story.workspace.read(story.cards[0])


async def test_an_approved_request_is_withdrawn_while_rds_is_away(opens: Opens) -> None:
    """By the button on the card or the command; nothing starts when RDS is back."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        story.region.faults.always(rds_faults.throttled(5), Operation.CREATE_BACKUP)
        await story.approves(card)
        await until(story, card, "To cancel: `/backup withdraw before-42`", clock)
        answer = await story.withdraws(story.cards[0])
        # The next create may have left in this very moment.
        assert "Nothing was started." in answer or "it may already have started" in answer
        await until(story, card, "withdrew the request", clock)
        story.region.faults.clear()
        for _ in range(10):
            clock.advance(minutes=10)
            await asyncio.sleep(0.01)

        assert story.made("before-42") == 0


async def test_a_late_refusal_names_its_request(opens: Opens) -> None:
    """By then its requester may have made others."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        story.region.faults.always(rds_faults.UNAVAILABLE, *LOOKS)
        await story.types("create orders-prod before-42")
        async with asyncio.timeout(20):
            while not ana_reads(story):
                clock.advance(seconds=30)
                await asyncio.sleep(0.01)
        story.region.set_status(story.region.instances[0], "FROZEN")
        story.region.faults.clear()
        async with asyncio.timeout(20):
            while not any("FROZEN" in line for line in ana_reads(story)):
                clock.advance(seconds=30)
                await asyncio.sleep(0.01)

        assert "I couldn't back up orders-prod as `before-42`." in ana_reads(story)[-1]
