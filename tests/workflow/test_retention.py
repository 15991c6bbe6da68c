"""A backup is deleted only if people could read for a day that it would be."""

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.domain.instances import Backup, BackupStatus
from bot.domain.keeping import NOTICE
from bot.domain.outbox import MessageState
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.retention import keep
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Cloud, HastyClock, Oracle, Thread

KEEP, HOUR = timedelta(days=3), timedelta(hours=1)
THERE = Backup(
    id="backup-id", instance_id=ORDERS.id, name="before-1", status=BackupStatus.COMPLETED
)
EXPIRING = (ThreadLine.EXPIRING, "")


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
async def request_id(context: StepContext, watcher: Oracle) -> str:
    """A backup that was just completed, to be kept for three days; it is there to the end."""
    now = context.clock.now()
    request = asked(
        state=RequestState.COMPLETED,
        instance=ORDERS,
        terms=Terms(),
        backup_id="backup-id",
        keep=KEEP,
        asked_at=now,
        finished_at=now,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    watcher.answers.extend([THERE, None])
    watcher.may_wait = True
    return request.id


def _announced(clock: HastyClock, thread: Thread, later: timedelta) -> datetime:
    """Slack takes the announcement so much later than the bot has it ready; return when."""
    at = clock.now() + KEEP - NOTICE + later

    async def take() -> None:
        await thread.is_taken(ThreadLine.EXPIRING)

    clock.alarms.append((at, take))
    return at


async def _kept(context: StepContext, request_id: str) -> BackupRequest:
    async with asyncio.timeout(60):
        await keep(context, request_id)
    return await context.load(request_id)


async def test_it_is_deleted_a_day_after_it_was_announced(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """Slack takes the announcement at once, so it is kept as long as was asked for."""
    asked_at = clock.now()
    _announced(clock, thread, timedelta(minutes=1))
    request = await _kept(context, request_id)

    assert request.retention is Retention.DELETED
    assert await thread.lines() == [EXPIRING, (ThreadLine.BACKUP_DELETED, "")]
    (deleted_at,) = cloud.sent
    assert asked_at + KEEP <= deleted_at <= asked_at + KEEP + HOUR


async def test_it_waits_until_slack_has_taken_the_announcement(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """Slack is away for two days: the day counts from its end."""
    taken_at = _announced(clock, thread, timedelta(days=2))
    request = await _kept(context, request_id)

    assert request.retention is Retention.DELETED
    assert taken_at + NOTICE <= cloud.sent[0] <= taken_at + NOTICE + HOUR


@pytest.mark.parametrize("state", [MessageState.GIVEN_UP, MessageState.SUPERSEDED])
async def test_it_stays_if_nobody_can_be_told(
    context: StepContext,
    cloud: Cloud,
    request_id: str,
    thread: Thread,
    clock: HastyClock,
    state: MessageState,
) -> None:
    """Neither the channel nor who asked can be reached: it is not deleted behind their backs."""

    async def gives_up() -> None:
        await thread.ends(ThreadLine.EXPIRING, state)

    clock.alarms.append((clock.now() + KEEP, gives_up))
    request = await _kept(context, request_id)

    assert request.retention is Retention.STAYS
    assert cloud.sent == []
    assert await thread.lines() == [EXPIRING, (ThreadLine.STAYS, "")]


async def test_it_stays_if_the_announcement_was_a_fleeting_one(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """An answer to the command is seen by one person, and only until they reload Slack."""

    async def answers() -> None:
        await thread.is_answered(ThreadLine.EXPIRING)

    clock.alarms.append((clock.now() + KEEP, answers))
    request = await _kept(context, request_id)

    assert request.retention is Retention.STAYS
    assert cloud.sent == []


async def test_a_backup_that_is_gone_is_not_announced(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread, watcher: Oracle
) -> None:
    """Somebody deleted it in the console, and knows."""
    watcher.answers.clear()
    watcher.answers.append(None)
    request = await _kept(context, request_id)

    assert request.retention is Retention.DELETED
    assert (cloud.sent, await thread.lines()) == ([], [])


async def test_a_restart_announces_nothing_twice(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """It was announced, and Slack was away; the next process waits for the same message."""
    waiting = asyncio.create_task(keep(context, request_id))

    async def kill() -> None:
        waiting.cancel()

    clock.alarms.append((clock.now() + KEEP, kill))
    await asyncio.gather(waiting, return_exceptions=True)
    assert await thread.lines() == [EXPIRING]
    await thread.is_taken(ThreadLine.EXPIRING)
    request = await _kept(context, request_id)

    assert request.retention is Retention.DELETED
    assert await thread.lines() == [EXPIRING, (ThreadLine.BACKUP_DELETED, "")]
