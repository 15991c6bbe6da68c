"""Following one backup: what is said when, and what counts as its end."""

import asyncio

from structlog.testing import capture_logs

from bot.domain.errors import CannotPost
from bot.domain.instances import Backup, BackupStatus
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.watching import EDIT_GAP, announce, watch
from tests.requests import asked
from tests.workflow.conftest import ORDERS, NotingThread, Oracle

POLL = 10.0  # seconds


def _backup(status: BackupStatus) -> Backup:
    return Backup(id="backup-id", instance_id=ORDERS.id, name="before-1", status=status)


BUILDING, COMPLETED = _backup(BackupStatus.BUILDING), _backup(BackupStatus.COMPLETED)


async def _running(context: StepContext) -> BackupRequest:
    now = context.clock.now()
    request = asked(
        state=RequestState.RUNNING,
        instance=ORDERS,
        backup_id="backup-id",
        asked_at=now,
        started_at=now,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def _watched(context: StepContext) -> RequestState:
    request = await _running(context)
    return await watch(context, request.id, poll_seconds=POLL)


async def test_what_is_gone_is_lost(context: StepContext, watcher: Oracle) -> None:
    """The watcher says so only once RDS has said it three times."""
    watcher.answers.extend([BUILDING, None])

    assert await _watched(context) is RequestState.LOST


async def test_an_unknown_status_is_not_an_end(context: StepContext, watcher: Oracle) -> None:
    """RDS may learn new words: only its COMPLETED is completed, only its FAILED is failed."""
    strange = BUILDING.model_copy(update={"status": "REPLICATING"})
    watcher.answers.extend([strange, strange, COMPLETED])

    assert await _watched(context) is RequestState.COMPLETED


async def test_an_overdue_backup_is_said_once_and_drawn_seldom(
    context: StepContext, watcher: Oracle, thread: NotingThread
) -> None:
    """Hours late: one line, and the card is edited no more often than before."""
    watcher.answers.extend([*[BUILDING] * 400, COMPLETED])
    await _watched(context)

    assert thread.lines == [ThreadLine.STARTED, ThreadLine.OVERDUE]
    gaps = [later - sooner for sooner, later in zip(thread.edits, thread.edits[1:], strict=False)]
    assert min(gaps) >= EDIT_GAP


async def test_an_outcome_that_nobody_can_read_ends_the_work(
    context: StepContext, thread: NotingThread
) -> None:
    """Channel and requester are gone: the log says so, and nothing is tried for ever."""
    request = await _running(context)
    thread.error = CannotPost("U0ANA", "user_not_found")
    with capture_logs() as logs:
        state = await asyncio.wait_for(announce(context, request.id), 1)

    assert state is RequestState.RUNNING
    assert [line["event"] for line in logs] == ["outcome_not_told"]
