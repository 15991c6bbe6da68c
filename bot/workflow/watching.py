"""Watch a running backup until RDS reports its end."""

import math
from datetime import timedelta

from bot.domain.audit import AuditAction
from bot.domain.errors import RdsError, RdsRefused, RefusalReason
from bot.domain.instances import Backup, BackupStatus
from bot.domain.progress import expected, overdue_after, unusual
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.metrics import BACKUP_SECONDS
from bot.workflow.context import StepContext


async def watch(context: StepContext, request_id: str) -> RequestState:
    """Follow it until RDS reports COMPLETED or FAILED, or no longer has the backup."""
    request = await context.load(request_id)
    if request.state is not RequestState.RUNNING:
        return request.state
    told, outages, away = False, 0, False
    while True:
        left = math.inf if told else _until_overdue(context, request)
        try:
            backup = await _followed(context, request, left, patient=away)
        except RdsError as error:
            outages, away = outages + 1, True
            await context.tell(request, _trouble(error), subject=str(outages))
            continue
        if away:
            await context.tell(request, ThreadLine.RDS_BACK, subject=str(outages))
            away = False
            continue  # what RDS says of the backup comes next
        if ended := _end(backup):
            return await _finish(context, request, backup, ended)
        if not told and _until_overdue(context, request) <= 0:
            await context.tell(request, ThreadLine.OVERDUE)
            told = True


def _trouble(error: RdsError) -> ThreadLine:
    """Return the line that tells of an outage."""
    refused = isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS
    return ThreadLine.KEYS_REFUSED if refused else ThreadLine.RDS_AWAY


async def _followed(
    context: StepContext, request: BackupRequest, within: float, *, patient: bool
) -> Backup | None:
    began = request.started_at or request.asked_at
    usual = expected(request.history)
    return await context.watcher.follow(
        *request.in_rds, began, usual, within=within, patient=patient
    )


def _until_overdue(context: StepContext, request: BackupRequest) -> float:
    """Return the seconds until people should be told that it takes long; 0 if they should now."""
    due = (request.started_at or request.asked_at) + overdue_after(request.history)
    return max(0.0, (due - context.clock.now()).total_seconds())


def _end(backup: Backup | None) -> RequestState | None:
    if backup is None:
        return RequestState.LOST
    if backup.status == BackupStatus.COMPLETED:
        return RequestState.COMPLETED
    return RequestState.FAILED if backup.status == BackupStatus.FAILED else None


async def _finish(
    context: StepContext, request: BackupRequest, backup: Backup | None, state: RequestState
) -> RequestState:
    now = context.clock.now()
    took = (backup.duration if backup else None) or now - (request.started_at or now)
    if request.started_at:
        BACKUP_SECONDS.labels(state.value).observe((now - request.started_at).total_seconds())
    moved = await context.move(
        request,
        state,
        AuditAction(state.value),
        _measured(request, backup, took),
        size_kb=backup.size_kb if backup else None,
        took=took,
        finished_at=now,
    )
    return moved.state


def _measured(request: BackupRequest, backup: Backup | None, took: timedelta) -> dict[str, str]:
    detail = request.backup_on_trail
    if backup is not None:
        detail |= {"status": backup.status, "seconds": str(round(took.total_seconds()))}
    if backup is not None and backup.size_kb:
        detail["size_kb"] = str(backup.size_kb)
    if backup is not None and backup.status == BackupStatus.COMPLETED:
        odd = unusual(request.history, took, backup.size_kb)
        detail |= {"unusual": ", ".join(odd)} if odd else {}
    return detail
