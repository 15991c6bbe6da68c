"""Following one backup: what is said when, and what counts as its end."""

from datetime import timedelta

import pytest

from bot.domain.errors import RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup, BackupStatus
from bot.domain.policy import Terms
from bot.domain.progress import history_of
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.storage.store import Store
from bot.workflow.context import StepContext
from bot.workflow.watching import watch
from tests.requests import NOON, asked
from tests.workflow.conftest import ORDERS, Oracle, Thread

HOUR = timedelta(hours=1)
AWAY = RdsUnreachable(status=503)
WRONG_KEYS = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)


def _backup(status: BackupStatus) -> Backup:
    return Backup(id="backup-id", instance_id=ORDERS.id, name="before-1", status=status)


BUILDING, COMPLETED = _backup(BackupStatus.BUILDING), _backup(BackupStatus.COMPLETED)


async def _running(context: StepContext, number: int = 1, **changes: object) -> BackupRequest:
    now = context.clock.now()
    request = asked(
        number,
        state=RequestState.RUNNING,
        instance=ORDERS,
        terms=Terms(),
        backup_id="backup-id",
        asked_at=now,
        started_at=now,
        **changes,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def _watched(context: StepContext) -> RequestState:
    request = await _running(context)
    return await watch(context, request.id)


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
    context: StepContext, watcher: Oracle, thread: Thread
) -> None:
    """Hours late: one line, and the card is drawn for it and for the end."""
    watcher.answers.extend([*[BUILDING] * 400, COMPLETED])
    await _watched(context)

    assert await thread.lines() == [(ThreadLine.OVERDUE, ""), (ThreadLine.ENDED, "")]
    assert await thread.drawn() == 2


async def test_an_unusual_backup_is_noted_in_the_audit_log(
    context: StepContext, watcher: Oracle, store: Store
) -> None:
    """With what is unusual about it; a usual one has no such note."""
    nightly = [
        COMPLETED.model_copy(
            update={"id": str(day), "begin_time": NOON, "end_time": NOON + HOUR, "size_kb": 10**7}
        )
        for day in range(3)
    ]
    noted = []
    for number, size_kb in enumerate((10**6, 10**7), 1):
        begin, end = context.clock.now(), context.clock.now() + HOUR
        done = {"begin_time": begin, "end_time": end, "size_kb": size_kb}
        watcher.answers.append(COMPLETED.model_copy(update=done))
        request = await _running(context, number, history=history_of(nightly))
        await watch(context, request.id)
        [entry] = await store.audit_trail(request.id)
        noted.append(entry.detail.get("unusual"))

    assert noted == ["smaller", None]


async def test_overdue_is_said_once_across_restarts(
    context: StepContext, watcher: Oracle, thread: Thread
) -> None:
    """A watch that starts again finds it said already."""
    request = await _running(context)
    for _ in range(2):
        watcher.answers.extend([BUILDING] * 60)
        with pytest.raises(IndexError):  # cut off where the answers end
            await watch(context, request.id)

    assert await thread.lines() == [(ThreadLine.OVERDUE, "")]


async def test_each_outage_is_said_with_its_number(
    context: StepContext, watcher: Oracle, thread: Thread
) -> None:
    """RDS is away twice; and the second time it is the key."""
    watcher.answers.extend([AWAY, BUILDING, WRONG_KEYS, BUILDING, COMPLETED])
    await _watched(context)

    assert await thread.lines() == [
        (ThreadLine.RDS_AWAY, "1"),
        (ThreadLine.RDS_BACK, "1"),
        (ThreadLine.KEYS_REFUSED, "2"),
        (ThreadLine.RDS_BACK, "2"),
        (ThreadLine.ENDED, ""),
    ]
