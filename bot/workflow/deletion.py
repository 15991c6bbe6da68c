"""Delete a backup and wait until it is gone. Sending a delete twice is harmless."""

from contextlib import suppress
from typing import NamedTuple

from bot.domain.attempts import Attempt, may_pass
from bot.domain.audit import AuditAction
from bot.domain.errors import GaveUp, RdsError, RdsRefused, RefusalReason
from bot.domain.instances import BackupStatus
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.workflow.attempts import attempt_of, carry_out, note, put_off, send, why_ended
from bot.workflow.context import StepContext

LOOK = 5.0  # seconds from a delete to the first look whether it is gone


class Ended(NamedTuple):
    """The end of a deletion: its error, or None once RDS no longer has the backup."""

    error: GaveUp | RdsRefused | None


async def delete(context: StepContext, request_id: str) -> RequestState:
    """Bring an approved request to `deleted`, `refused` or `withdrawn`."""
    return await carry_out(context, request_id, _begin, _go_on)


async def _begin(context: StepContext, request: BackupRequest, attempt: Attempt) -> None:
    detail = request.backup_on_trail
    await context.move(
        request, RequestState.DELETING, AuditAction.DELETE_SENT, detail, attempt=attempt
    )


async def _go_on(context: StepContext, request: BackupRequest) -> None:
    if request.is_stopped:
        await _stop(context, request)
    elif (ended := await try_delete(context, request)) is None:
        return
    elif ended.error:
        await context.refuse(await context.load(request.id), ended.error)
    else:
        await _deleted(context, request)


async def _stop(context: StepContext, request: BackupRequest) -> None:
    """End the request; check once more whether RDS has deleted the backup."""
    if request.is_in_doubt:
        with suppress(RdsError):
            if await context.watcher.look(*request.in_rds, LOOK) is None:
                await _deleted(context, request)
                return
    vote, detail = request.vote(Choice.WITHDRAW), request.backup_on_trail
    at = vote.at if vote else context.clock.now()
    state, action = RequestState.WITHDRAWN, AuditAction.WITHDRAWN
    await context.move(request, state, action, detail, decided_at=at)


async def _deleted(context: StepContext, request: BackupRequest) -> None:
    await context.move(
        request,
        RequestState.DELETED,
        AuditAction.DELETED,
        request.backup_on_trail,
        finished_at=context.clock.now(),
    )


async def try_delete(context: StepContext, request: BackupRequest) -> Ended | None:
    """Try once to delete the request's backup; return None if it has to be tried again.

    Raises Conflict if the request is withdrawn meanwhile.
    """
    attempt = attempt_of(context, request)
    if attempt.is_over(context.clock.now()):
        return Ended(why_ended(attempt))
    if not attempt.accepted:
        was_in_doubt = request.is_in_doubt
        try:
            request = await _send(context, request)
        except RdsError as error:
            if isinstance(error, RdsRefused):
                if not may_pass(error):
                    return Ended(error)
                if was_in_doubt:
                    return await _resumed(context, request, error)
            await put_off(context, request.id, error)
            return None
    return await _looked(context, request)


async def _resumed(
    context: StepContext, request: BackupRequest, error: RdsRefused
) -> Ended | None:
    """Look whether RDS rejects the delete because it is carrying out the one before.

    The answer to that was lost.
    """
    with suppress(RdsError):
        backup = await context.watcher.look(*request.in_rds, LOOK)
        if backup is None:
            return Ended(None)
        if backup.status == BackupStatus.DELETING:
            return await _looked(context, await _accepted(context, request))
    await put_off(context, request.id, error)
    return None


async def _accepted(context: StepContext, request: BackupRequest) -> BackupRequest:
    request = await context.load(request.id)
    accepted = attempt_of(context, request).model_copy(update={"accepted": True})
    return await note(context, request, accepted)


async def _send(context: StepContext, request: BackupRequest) -> BackupRequest:
    """Send the delete. If RDS has no such backup, the next look confirms it."""
    async with context.in_flight:
        try:
            request, _ = await send(
                context,
                request,
                lambda on_turn: context.rds.delete_backup(*request.in_rds, on_turn=on_turn),
            )
        except RdsRefused as error:
            if error.reason is RefusalReason.BACKUP_NOT_FOUND and error.says_gone:
                return await context.load(request.id)
            raise
        return await _accepted(context, request)


async def _looked(context: StepContext, request: BackupRequest) -> Ended | None:
    try:
        backup = await context.watcher.look(*request.in_rds, LOOK)
    except RdsError as error:
        await put_off(context, request.id, error)
        return None
    if backup is None:
        return Ended(None)
    later = attempt_of(context, request).later(context.clock.now(), request.id)
    await note(context, request, later)
    return None
