"""Create the backup, or adopt by name the one that a create without an answer has made."""

from contextlib import suppress
from datetime import timedelta

import structlog

from bot.domain.attempts import Attempt, may_pass
from bot.domain.audit import AuditAction
from bot.domain.errors import RdsError, RdsOutcomeUnknown, RdsRefused, RefusalReason
from bot.domain.instances import Backup
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.metrics import ADOPTIONS
from bot.workflow.attempts import attempt_of, carry_out, note, put_off, send, why_ended
from bot.workflow.context import StepContext

log = structlog.get_logger(__name__)

LOOKS = (1.0, 4.0, 10.0)  # seconds before each look for a backup that may have been made
ONE_LOOK = (0.0,)
# What the measured clock skew, and times in whole seconds, leave open. Somebody who makes a
# backup of this very name by hand within it, unlisted before our create, is taken for us.
TOLERANCE = timedelta(seconds=10)


async def create(context: StepContext, request_id: str) -> RequestState:
    """Bring an approved request to `running`, `refused` or `withdrawn`, with at most one backup.

    RDS has no idempotency token, but a backup's name is unique: after any create whose outcome
    is unknown, the name is looked up before a create is sent again. None is sent once the
    request is withdrawn, or once the time to give up has come.
    """
    return await carry_out(context, request_id, _begin, _go_on)


async def _begin(context: StepContext, request: BackupRequest, attempt: Attempt) -> None:
    detail = {"name": request.name}
    await context.move(
        request, RequestState.CREATING, AuditAction.CREATE_SENT, detail, attempt=attempt
    )


async def _go_on(context: StepContext, request: BackupRequest) -> None:
    """Try once. Raises Conflict if the request is withdrawn meanwhile."""
    attempt = attempt_of(context, request)
    if request.is_stopped or attempt.is_over(context.clock.now()):
        await _end(context, request)
        return
    try:
        if request.is_in_doubt:
            looks = LOOKS if attempt.failures <= 1 else ONE_LOOK
            if await _adopt(context, request, looks):
                return
        elif attempt.others is None:
            others = tuple(backup.id for backup in await _named(context, request))
            attempt = attempt.model_copy(update={"others": others})
            request = await note(context, request, attempt)
    except RdsError as error:
        await _cannot_look(context, request, error)
        return
    await _send(context, request)


async def _cannot_look(context: StepContext, request: BackupRequest, error: RdsError) -> None:
    """Send nothing until RDS lists the backups; refuse the request if it was never sent."""
    if isinstance(error, RdsRefused) and not may_pass(error):
        if not request.is_in_doubt:
            await context.refuse(request, error)
            return
        log.error("look_refused", backup=request.name, reason=error.reason, code=error.code)
    await put_off(context, request.id, error)


async def _send(context: StepContext, request: BackupRequest) -> None:
    try:
        async with context.in_flight:
            request, accepted = await send(
                context,
                request,
                lambda on_turn: context.rds.create_backup(
                    _instance_id(request), request.name, request.description, on_turn=on_turn
                ),
            )
            await _running(context, request, *accepted)
    except RdsOutcomeUnknown as error:
        log.warning("create_outcome_unknown", backup=request.name, code=error.code)
        line = ThreadLine.OUTCOME_UNKNOWN
        await context.note(request, AuditAction.OUTCOME_UNKNOWN, error.for_support, line)
        await put_off(context, request.id, error)
    except RdsRefused as error:
        await _refused(context, await context.load(request.id), error)
    except RdsError as error:
        await put_off(context, request.id, error)


async def _refused(context: StepContext, request: BackupRequest, error: RdsRefused) -> None:
    """Handle a refusal: the name may be taken, or the instance busy, because of our own backup."""
    if request.is_in_doubt:
        try:
            if await _adopt(context, request, LOOKS):
                return
            taken = error.reason is RefusalReason.NAME_TAKEN
            is_anothers = taken and bool(await _named(context, request))
        except RdsError as trouble:
            await put_off(context, request.id, trouble)
            return
        if taken and not is_anothers:  # it is not listed yet, or is another instance's
            await put_off(context, request.id, error)
            return
        if is_anothers:
            request = await note(context, request, attempt_of(context, request).doubted(None))
    if may_pass(error):
        await put_off(context, request.id, error)
    else:
        await context.refuse(request, error)


async def _end(context: StepContext, request: BackupRequest) -> None:
    """End the request; look once more for a backup that RDS may have started."""
    if request.is_in_doubt:
        with suppress(RdsError):
            if await _adopt(context, request, LOOKS):
                return
    if vote := request.vote(Choice.WITHDRAW):
        detail = {"name": request.name}
        state, action = RequestState.WITHDRAWN, AuditAction.WITHDRAWN
        await context.move(request, state, action, detail, decided_at=vote.at)
    else:
        await context.refuse(request, why_ended(attempt_of(context, request)))


async def _adopt(context: StepContext, request: BackupRequest, looks: tuple[float, ...]) -> bool:
    """Find our backup and adopt it; RDS may list it late. Return whether it was found."""
    for gap in looks:
        await context.clock.sleep(gap)
        for backup in await _named(context, request):
            if _can_be_ours(context, request, backup):
                await _running(context, request, backup, adopted=True)
                return True
    return False


async def _named(context: StepContext, request: BackupRequest) -> list[Backup]:
    """Return the instance's manual backups of this name."""
    try:
        listed = await context.rds.list_backups(_instance_id(request), backup_type="manual")
    except RdsRefused as error:
        if error.says_gone:
            return []
        raise
    return [b for b in listed if b.name == request.name and b.type == "manual"]


def _can_be_ours(context: StepContext, request: BackupRequest, backup: Backup) -> bool:
    """Whether the backup is new since our create, and began no earlier than it was sent."""
    attempt = attempt_of(context, request)
    if backup.id in (attempt.others or ()) or attempt.in_doubt_since is None:
        return False
    began = backup.begin_time
    return began is None or began >= attempt.in_doubt_since - TOLERANCE


def _instance_id(request: BackupRequest) -> str:
    if request.instance is None:
        raise LookupError(f"request {request.id} was approved before its instance was known")
    return request.instance.id


async def _running(
    context: StepContext,
    request: BackupRequest,
    backup: Backup,
    rds_request_id: str | None = None,
    *,
    adopted: bool = False,
) -> None:
    detail = {"backup_id": backup.id, "name": request.name}
    ADOPTIONS.inc(int(adopted))
    if rds_request_id:
        detail["rds_request_id"] = rds_request_id
    await context.move(
        request,
        RequestState.RUNNING,
        AuditAction.ADOPTED if adopted else AuditAction.CREATE_ACCEPTED,
        detail,
        rds_request_id=rds_request_id,
        backup_id=backup.id,
        started_at=(adopted and backup.begin_time) or context.clock.now(),  # clocks may differ
        adopted=adopted,
    )
