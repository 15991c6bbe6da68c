"""See a completed backup through to its deletion, if it was asked for with an end."""

from datetime import UTC, datetime

import structlog

from bot.application.ports import Conflict
from bot.domain.attempts import MENDING, Attempt
from bot.domain.audit import AuditAction
from bot.domain.errors import RdsRefused
from bot.domain.keeping import NOTICE
from bot.domain.outbox import MessageState
from bot.domain.requests import BackupRequest, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.workflow import deletion
from bot.workflow.attempts import turn
from bot.workflow.context import StepContext

log = structlog.get_logger(__name__)

REREAD = 3600.0  # seconds: a Keep wakes its waiter; the slow look is for one that was lost
UNSENT = 600.0  # seconds: what is sent wakes its waiter; the slow look is for other replicas
ENDS = (Retention.KEPT, Retention.DELETED, Retention.STAYS)


async def keep(context: StepContext, request_id: str) -> RequestState:
    """Announce the deletion a day ahead, and delete the backup unless someone keeps it.

    Nothing is deleted before people could read the announcement for a day.
    """
    request = await context.load(request_id)
    if request.state is not RequestState.COMPLETED or request.keep is None:
        return request.state
    woken = context.wakeups[request_id]
    while request.retention not in ENDS:
        wait = await _go_on(context, request)
        if wait > 0:
            await context.clock.wait(woken, min(wait, REREAD))
            woken.clear()
        request = await context.load(request_id)
    context.wakeups.pop(request_id, None)
    return request.state


async def _go_on(context: StepContext, request: BackupRequest) -> float:
    """Do what is due; seconds to wait, or 0 to look again."""
    try:
        if request.retention is None:
            ahead = await _left(context, request) - NOTICE.total_seconds()
            return ahead if ahead > 0 else await _warn(context, request)
        if request.retention is Retention.WARNED:
            return await _announced(context, request)
        if request.retention is Retention.DELETING:
            await _delete(context, request)
    except Conflict:
        log.info("retention_overtaken", request=request.id)  # someone kept it at the same moment
    return 0.0


async def _announced(context: StepContext, request: BackupRequest) -> float:
    """Delete it once people could read for a day that it will be; seconds to wait until then."""
    announced = await context.store.message_state(request.id, ThreadLine.EXPIRING)
    if announced is None:  # an older release, without an outbox, decided it
        await context.tell(request, ThreadLine.EXPIRING)
    if announced in (None, MessageState.PENDING):
        return UNSENT
    posted = await context.store.posted(request.id, ThreadLine.EXPIRING)
    if posted is None or not posted[1]:  # told nobody, or one person and not for long
        await context.retain(request, Retention.STAYS, AuditAction.STAYS, {"why": "untold"})
    elif (left := await _left(context, request)) > 0:
        return left
    else:
        await _begin_to_delete(context, request)
    return 0.0


async def _left(context: StepContext, request: BackupRequest) -> float:
    """Seconds until it may be deleted: a day after Slack took the announcement, at the least."""
    ends = request.deleted_after
    if ends is None:
        raise LookupError(f"request {request.id} is kept until nobody knows when")
    if announced := await context.store.posted(request.id, ThreadLine.EXPIRING):
        _, ts = announced  # Slack's name for a message is the moment it came
        ends = max(ends, datetime.fromtimestamp(float(ts), UTC) + NOTICE)
    return (ends - context.clock.now()).total_seconds()


async def _warn(context: StepContext, request: BackupRequest) -> float:
    """Say that it will be deleted, if it is still there to be."""
    if await context.watcher.look(*request.in_rds, 0.0, patient=True):
        await context.retain(request, Retention.WARNED, None, warned_at=context.clock.now())
    else:  # it was deleted in the console, and the person who did that knows
        await context.retain(request, Retention.DELETED, None)
    return 0.0


async def _begin_to_delete(context: StepContext, request: BackupRequest) -> None:
    """Nobody waits for this deletion, so it has longer than one that was just approved."""
    now, sent = context.clock.now(), request.backup_on_trail
    attempt = Attempt(since=now, give_up_at=now + max(MENDING, context.give_up_after))
    await context.retain(
        request, Retention.DELETING, AuditAction.DELETE_SENT, sent, attempt=attempt
    )


async def _delete(context: StepContext, request: BackupRequest) -> None:
    request = await turn(context, request.id)
    if (ended := await deletion.try_delete(context, request)) is None:
        return
    request, what = await context.load(request.id), request.backup_on_trail
    if error := ended.error:
        refusal = Refusal.of(error)
        reason = error.reason.value if isinstance(error, RdsRefused) else refusal.code
        why = {**what, "reason": reason}
        await context.retain(request, Retention.STAYS, AuditAction.STAYS, why, refusal=refusal)
    else:
        await context.retain(request, Retention.DELETED, AuditAction.DELETED, what)
