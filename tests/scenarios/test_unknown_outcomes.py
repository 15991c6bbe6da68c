"""RDS is asked to start a backup and says no clear yes: one is made, and the truth is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from bot.app import running
from bot.config import settings
from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.faults import Fault, How, When
from bot.demo.rds.wire import Answer, Operation
from bot.demo.slack.records import Message
from tests.stepped_clock import SteppedClock
from tests.story import Opens, Story, beginning

RDS_TIMEOUT = 0.3  # seconds that this bot waits for RDS, where the real one waits fifteen
BUSY = rds_faults.refused(409, "DBS.200011")
BACKUP_RUNNING = rds_faults.refused(409, "DBS.201205")
NAME_TAKEN = rds_faults.refused(409, "DBS.201201")
WRONG_KEYS = rds_faults.refused(401, "APIGW.0301")
NOT_LISTED_YET = Fault(When.BEFORE, How.ANSWER, Answer(200, '{"backups": [], "total_count": 0}'))
ALL_LOOKS = 4  # for a backup of the name: one before the create, and three after it

APPROVED = "Approved by @ben. Starting the backup now."
UNKNOWN = (
    "RDS didn't respond when I asked it to start the backup. "
    "I'm checking whether it started before I try again."
)
WAITS = (
    "RDS is busy with orders-prod and runs one operation at a time. "
    "Nothing was started; I'll retry until it's free."
)
ACCEPTED = "The backup has started. RDS backup ID"
ADOPTED = "RDS had started the backup, so I won't send the request again. RDS backup ID"
KEYS = "RDS rejected the bot's access key"
COMPLETED, REFUSED = (
    "@ana Your backup is complete",
    ("@ana Your request to back up orders-prod as `before-42` was "),
)


@asynccontextmanager
async def _impatient_bot(story: Story) -> AsyncIterator[Story]:
    loaded = settings.load(story.environ, http=False)
    async with running(loaded, clock=story.clock, rds_timeout=RDS_TIMEOUT):
        yield story


@pytest.fixture
async def story(opens: Opens) -> AsyncIterator[Story]:
    """A running bot, ten minutes a second, that does not wait long for RDS."""
    async with opens() as story, _impatient_bot(story):
        yield story


async def _approved(story: Story, card: Message, *, end: str = COMPLETED) -> Sequence[str]:
    """Approve, and wait for the last line: how each line of the thread begins."""
    await story.approves(card)
    await story.until_said(card, end)
    return [
        next((cut for cut in (REFUSED, KEYS) if line.startswith(cut)), beginning(line))
        for line in story.thread(card)
    ]


@pytest.mark.parametrize("fault", ["LOST_ANSWER", "ERROR_AFTERWARDS", "NO_ANSWER", "GARBAGE"])
async def test_a_create_that_was_carried_out_is_adopted(story: Story, fault: str) -> None:
    """The answer is lost, not the backup: it is found by its name, and no second one asked for."""
    card = await story.asks()
    story.region.faults.next_create(getattr(rds_faults, fault))

    assert await _approved(story, card) == [APPROVED, UNKNOWN, ADOPTED, COMPLETED]
    assert (story.creates, story.made("before-42")) == (1, 1)


@pytest.mark.parametrize("fault", ["DROPPED", "ERROR", "UNAVAILABLE"])
async def test_a_create_that_was_not_carried_out_is_sent_again(story: Story, fault: str) -> None:
    """No backup bears the name after some looks, so RDS is asked once more."""
    card = await story.asks()
    story.region.faults.next_create(getattr(rds_faults, fault))

    assert await _approved(story, card) == [APPROVED, UNKNOWN, ACCEPTED, COMPLETED]
    assert (story.creates, story.made("before-42")) == (2, 1)


async def test_a_create_carried_out_late_is_found_by_a_later_look(opens: Opens) -> None:
    """Looked up, not found, and then it exists: the bot looks more than once before it asks."""
    async with opens(clock=FastClock(150)) as story, _impatient_bot(story):
        card = await story.asks()
        story.region.next_backup(takes=timedelta(seconds=30))
        story.region.faults.next_create(rds_faults.slow(RDS_TIMEOUT + 0.04, When.BEFORE))

        assert await _approved(story, card) == [APPROVED, UNKNOWN, ADOPTED, COMPLETED]
        assert (story.creates, story.made("before-42")) == (1, 1)


@pytest.mark.parametrize("second", [None, BACKUP_RUNNING])
async def test_our_own_backup_in_the_way_is_adopted(story: Story, second: Fault | None) -> None:
    """RDS lists it late, and to the second create says that the name is taken, or that it's busy.

    Both mean our own backup, which is neither waited for nor taken for somebody else's.
    """
    card = await story.asks()
    story.region.faults.next_create(rds_faults.LOST_ANSWER, *([second] if second else []))
    story.region.faults.next(Operation.LIST_BACKUPS, *[NOT_LISTED_YET] * ALL_LOOKS)

    assert await _approved(story, card) == [APPROVED, UNKNOWN, ADOPTED, COMPLETED]
    assert (story.creates, story.made("before-42")) == (2, 1)


async def test_a_name_taken_by_someone_else_is_refused(story: Story) -> None:
    """Without an unknown outcome of our own, nothing that bears the name is adopted."""
    card = await story.asks()
    orders = story.region.instances[0]
    story.region.add_backup(orders, "before-42", type="manual", takes=timedelta(0))

    assert await _approved(story, card, end="refused") == [APPROVED, REFUSED]
    assert (story.creates, story.made("before-42")) == (1, 1)


async def test_an_older_backup_of_the_name_is_never_ours(story: Story) -> None:
    """Also after an unknown outcome: what began before anybody approved is somebody else's."""
    card = await story.asks()
    orders, before = story.region.instances[0], story.clock.now() - timedelta(hours=1)
    story.region.add_backup(orders, "before-42", type="manual", began=before)
    story.region.faults.next_create(rds_faults.DROPPED)

    assert await _approved(story, card, end="refused") == [APPROVED, UNKNOWN, REFUSED]
    assert story.creates == 2


@pytest.mark.parametrize("busy", [BUSY, BACKUP_RUNNING])
async def test_a_busy_instance_is_waited_for(story: Story, busy: Fault) -> None:
    """It is said once, however often RDS is asked, and the backup starts when it is free."""
    card = await story.asks()
    story.region.faults.next_create(busy, busy, busy)

    assert await _approved(story, card) == [APPROVED, WAITS, ACCEPTED, COMPLETED]
    assert (story.creates, story.made("before-42")) == (4, 1)


async def test_a_throttled_create_is_sent_again_later(story: Story) -> None:
    """429: nothing was carried out, and nothing is sent before RDS wants to hear more."""
    card = await story.asks()
    story.region.faults.next_create(rds_faults.throttled(120))

    assert await _approved(story, card) == [APPROVED, ACCEPTED, COMPLETED]
    first, second = (call for call in story.region.calls if call.method == "POST")
    assert second.at - first.at >= timedelta(seconds=120)
    assert story.made("before-42") == 1


async def test_rds_down_and_back(opens: Opens) -> None:
    """Nobody listens when the request is approved: it starts as soon as somebody does."""
    async with opens() as story, AsyncExitStack() as up:
        rds = await up.enter_async_context(RdsServer(story.region))
        story.environ["RDS_ENDPOINT"] = rds.endpoint
        async with _impatient_bot(story):
            card = await story.asks()
            await up.aclose()
            await story.approves(card)
            await story.until_said(card, APPROVED)
            await story.clock.sleep(20)
            async with RdsServer(story.region, port=int(rds.endpoint.rpartition(":")[2])):
                await story.until_said(card, COMPLETED)

    assert sum(line.startswith("RDS isn't responding") for line in story.thread(card)) <= 1
    assert (story.creates, story.made("before-42")) == (1, 1)


async def test_rds_down_while_it_is_looked_up(story: Story) -> None:
    """The looks fail, too: the bot asks for nothing before it knows."""
    card = await story.asks()
    story.region.faults.next_create(rds_faults.LOST_ANSWER)
    story.region.faults.next(Operation.LIST_BACKUPS, *[rds_faults.UNAVAILABLE] * 7)

    assert await _approved(story, card) == [APPROVED, UNKNOWN, ADOPTED, COMPLETED]
    assert (story.creates, story.made("before-42")) == (1, 1)


async def test_refused_keys_are_not_hammered(story: Story) -> None:
    """More than five wrong signatures lock a key: an operator gets ten minutes between two."""
    card = await story.asks()
    story.region.faults.next_create(rds_faults.LOST_ANSWER)
    story.region.faults.next(Operation.LIST_BACKUPS, rds_faults.NONE, WRONG_KEYS)

    assert await _approved(story, card) == [APPROVED, UNKNOWN, KEYS, ADOPTED, COMPLETED]
    after_create = story.region.calls[-1:0:-1]
    refused = next(i for i, call in enumerate(after_create) if call.code == "APIGW.0301")
    assert after_create[refused - 1].at - after_create[refused].at >= timedelta(minutes=10)
    assert story.made("before-42") == 1


async def test_an_instance_busy_for_hours_ends_in_a_refusal(opens: Opens) -> None:
    """Two hours after the approval nobody counts on the backup any more: better say so."""
    clock = SteppedClock()
    async with opens(clock=clock) as story, story.bot():
        card = await story.asks()
        story.region.faults.always(BUSY, Operation.CREATE_BACKUP)
        await story.approves(card)
        await story.until_said(card, WAITS)
        while not any(REFUSED in line for line in story.thread(card)):
            clock.advance(minutes=30)
            await asyncio.sleep(0.02)

        assert len(story.thread(card)) == 3
        assert story.made("before-42") == 0
