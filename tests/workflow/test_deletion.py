"""A deletion is told once RDS no longer has the backup, and ends if RDS never says so."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.decisions import Verdict
from bot.domain.errors import (
    GaveUp,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.domain.instances import Backup, BackupStatus
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.workflow.context import StepContext
from bot.workflow.deletion import delete
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Cloud, HastyClock, Oracle, withdraw

THERE = Backup(
    id="backup-id", instance_id=ORDERS.id, name="before-1", status=BackupStatus.COMPLETED
)
SERVER_ERROR = RdsOutcomeUnknown(status=500)
AWAY = RdsUnreachable("ConnectError")
IN_USE = RdsRefused(RefusalReason.BACKUP_IN_USE, "DBS.201208", status=400)
NO_SUCH = RdsRefused(RefusalReason.BACKUP_NOT_FOUND, "DBS.201010", status=404)


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
async def request_id(context: StepContext) -> str:
    """A deletion that was approved a moment ago."""
    now = context.clock.now()
    request = asked(
        kind=Kind.DELETE,
        state=RequestState.APPROVED,
        instance=ORDERS,
        backup_id="backup-id",
        asked_at=now,
        decided_at=now,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request.id


async def _ended(context: StepContext, request_id: str) -> BackupRequest:
    async with asyncio.timeout(60):
        await delete(context, request_id)
    return await context.load(request_id)


async def test_it_is_deleted_once_it_is_gone(
    context: StepContext, cloud: Cloud, request_id: str, watcher: Oracle
) -> None:
    """RDS accepts the delete, and lists the backup for a while."""
    watcher.answers.extend([THERE, THERE, None])
    request = await _ended(context, request_id)

    assert request.state is RequestState.DELETED
    assert len(cloud.sent) == 1


@pytest.mark.parametrize("error", [SERVER_ERROR, AWAY])
async def test_a_delete_that_is_never_answered_has_an_end(
    context: StepContext, cloud: Cloud, request_id: str, error: RdsError
) -> None:
    """After two hours nothing more is sent; only an unanswered one leaves a doubt."""
    cloud.always = error
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert request.refusal is not None
    assert isinstance(request.refusal.error, GaveUp)
    assert request.is_in_doubt == (error is SERVER_ERROR)
    assert len(cloud.sent) < 40
    assert cloud.sent[-1] - cloud.sent[0] < timedelta(hours=2)


async def test_a_backup_that_does_not_go_away_is_not_waited_for_for_ever(
    context: StepContext, cloud: Cloud, request_id: str, watcher: Oracle
) -> None:
    """RDS accepted the delete, and still lists the backup two hours later."""
    watcher.answers.extend([THERE] * 500)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert len(cloud.sent) == 1


async def test_what_rds_denies_and_lists_is_not_deleted(
    context: StepContext, cloud: Cloud, request_id: str, watcher: Oracle
) -> None:
    """That it has no such backup is said once; that it lists it counts."""
    cloud.deletes.append(NO_SUCH)
    watcher.answers.extend([THERE, None])
    request = await _ended(context, request_id)

    assert request.state is RequestState.DELETED
    assert len(cloud.sent) == 2


async def test_a_bare_404_is_no_answer(
    context: StepContext, cloud: Cloud, request_id: str, watcher: Oracle
) -> None:
    """A proxy that has lost its way: the delete is sent again."""
    cloud.deletes.append(RdsRefused(RefusalReason.INSTANCE_NOT_FOUND, status=404))
    watcher.answers.append(None)
    request = await _ended(context, request_id)

    assert request.state is RequestState.DELETED
    assert len(cloud.sent) == 2


@pytest.mark.parametrize("times", [0, 1, 5])
async def test_a_repeated_delete_that_rds_rejects_may_have_worked_before(
    context: StepContext, cloud: Cloud, request_id: str, watcher: Oracle, times: int
) -> None:
    """The answer to the first was lost; whether it is carried out is looked up at once."""
    cloud.deletes.extend([SERVER_ERROR, IN_USE])
    going = THERE.model_copy(update={"status": BackupStatus.DELETING})
    watcher.answers.extend([*[going] * times, None])
    request = await _ended(context, request_id)

    assert request.state is RequestState.DELETED
    assert len(cloud.sent) == 2


@pytest.mark.parametrize("answer", [THERE, AWAY])
async def test_a_repeated_delete_that_rds_rejects_is_sent_again_if_the_backup_may_be_there(
    context: StepContext,
    cloud: Cloud,
    request_id: str,
    watcher: Oracle,
    answer: Backup | RdsError,
) -> None:
    cloud.deletes.extend([SERVER_ERROR, IN_USE])
    watcher.answers.extend([answer, None])
    request = await _ended(context, request_id)

    assert request.state is RequestState.DELETED
    assert len(cloud.sent) == 3


@pytest.mark.parametrize(
    ("error", "verdict", "answer", "state"),
    [
        (AWAY, Verdict.DECIDED, THERE, RequestState.WITHDRAWN),
        (SERVER_ERROR, Verdict.IN_DOUBT, THERE, RequestState.WITHDRAWN),
        (SERVER_ERROR, Verdict.IN_DOUBT, None, RequestState.DELETED),
    ],
)
async def test_a_deletion_is_withdrawn_while_rds_is_away(  # noqa: PLR0913, what a case says
    context: StepContext,
    cloud: Cloud,
    request_id: str,
    watcher: Oracle,
    clock: HastyClock,
    *,
    error: RdsError,
    verdict: Verdict,
    answer: Backup | None,
    state: RequestState,
) -> None:
    """Nothing more is sent, and the truth is told of what was."""
    cloud.always = error
    watcher.answers.append(answer)
    verdicts: list[Verdict] = []

    async def click() -> None:
        verdicts.append(await withdraw(context, request_id))
        cloud.always = None

    clock.alarms.append((clock.now() + timedelta(minutes=20), click))
    request = await _ended(context, request_id)

    assert verdicts == [verdict]
    assert request.state is state
    assert all(at <= request.asked_at + timedelta(minutes=20) for at in cloud.sent)
