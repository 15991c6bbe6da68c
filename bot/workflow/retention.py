"""See a completed backup through to its deletion, if it was asked for with an end."""

from datetime import UTC, datetime

import structlog

from bot.application.ports import Conflict
from bot.domain.attempts import MENDING, Attempt
from bot.domain.audit import AuditAction
from bot.domain.errors import CannotPost, RdsRefused
from bot.domain.keeping import NOTICE
from bot.domain.requests import BackupRequest, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import Line
from bot.workflow import deletion
from bot.workflow.attempts import turn
from bot.workflow.context import World

log = structlog.get_logger(__name__)

REREAD = 3600.0  # seconds: a Keep wakes its waiter; the slow look is for one that was lost
LAST_WORDS = {
    Retention.KEPT: Line.KEPT,
    Retention.DELETED: Line.BACKUP_DELETED,
    Retention.STAYS: Line.STAYS,
}


async def keep(world: World, request_id: str) -> RequestState:
    """Announce the deletion a day ahead, and delete, unless somebody keeps it.

    Nothing is deleted before people could read the announcement for a day.
    """
    request = await world.load(request_id)
    if request.state is not RequestState.COMPLETED or request.keep is None:
        return request.state
    woken = world.wakeups[request_id]
    while request.retention not in LAST_WORDS:
        wait = await _go_on(world, request)
        if wait > 0:
            await world.clock.wait(woken, min(wait, REREAD))
            woken.clear()
        request = await world.load(request_id)
    world.wakeups.pop(request_id, None)
    await _tell(world, request, LAST_WORDS[request.retention])
    return request.state


async def _go_on(world: World, request: BackupRequest) -> float:
    """Do what is due; seconds to wait, or 0 to look again."""
    try:
        if request.retention is None:
            ahead = await _left(world, request) - NOTICE.total_seconds()
            return ahead if ahead > 0 else await _warn(world, request)
        if request.retention is Retention.WARNED:
            if not await _tell(world, request, Line.EXPIRING):
                await world.retain(request, Retention.STAYS, AuditAction.STAYS, {"why": "untold"})
            elif (left := await _left(world, request)) > 0:
                return left
            else:
                await _begin_to_delete(world, request)
        elif request.retention is Retention.DELETING:
            await _delete(world, request)
    except Conflict:
        log.info("retention_overtaken", request=request.id)  # somebody kept it in this moment
    return 0.0


async def _left(world: World, request: BackupRequest) -> float:
    """Seconds until it may be deleted: a day after Slack took the announcement, at the least."""
    ends = request.deleted_after
    if ends is None:
        raise LookupError(f"request {request.id} is kept until nobody knows when")
    if announced := await world.store.posted(request.id, Line.EXPIRING):
        _, ts = announced  # Slack's name for a message is the moment it came
        ends = max(ends, datetime.fromtimestamp(float(ts), UTC) + NOTICE)
    return (ends - world.clock.now()).total_seconds()


async def _warn(world: World, request: BackupRequest) -> float:
    """Say that it will be deleted, if it is still there to be."""
    if await world.watcher.look(*request.in_rds, 0.0, patient=True):
        await world.retain(request, Retention.WARNED, None, warned_at=world.clock.now())
    else:  # somebody deleted it; whoever did knows
        await world.retain(request, Retention.DELETED, None)
    return 0.0


async def _begin_to_delete(world: World, request: BackupRequest) -> None:
    """Nobody waits for this deletion, so it has longer than one that was just approved."""
    now, sent = world.clock.now(), request.backup_on_trail
    attempt = Attempt(since=now, give_up_at=now + max(MENDING, world.give_up_after))
    await world.retain(request, Retention.DELETING, AuditAction.DELETE_SENT, sent, attempt=attempt)


async def _delete(world: World, request: BackupRequest) -> None:
    request = await turn(world, request.id)
    if (ended := await deletion.carry_on(world, request)) is None:
        return
    request, what = await world.load(request.id), request.backup_on_trail
    if error := ended.error:
        refusal = Refusal.of(error)
        reason = error.reason.value if isinstance(error, RdsRefused) else refusal.kind
        why = {**what, "reason": reason}
        await world.retain(request, Retention.STAYS, AuditAction.STAYS, why, refusal=refusal)
    else:
        await world.retain(request, Retention.DELETED, AuditAction.DELETED, what)


async def _tell(world: World, request: BackupRequest, line: Line) -> bool:
    """Whether somebody was told, however long Slack takes nothing; False if nobody is left."""
    if line is Line.BACKUP_DELETED and request.warned_at is None:
        return False
    try:
        await world.voice.insist(request, line)
    except CannotPost as error:
        log.error("line_not_told", request=request.id, line=line, error=error.error)  # noqa: TRY400 - the state of things, not a bug
        return False
    return True
