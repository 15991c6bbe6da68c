"""Delete a backup, and wait until it is gone. A delete sent twice is one: its id is unique."""

from contextlib import suppress
from typing import NamedTuple

from bot.application.ports import Conflict
from bot.domain.attempts import may_pass
from bot.domain.audit import AuditAction
from bot.domain.errors import GaveUp, RdsError, RdsRefused, RefusalReason
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.domain.thread_lines import Line
from bot.workflow.attempts import attempt_of, first_attempt, note, put_off, send, turn, why_ended
from bot.workflow.context import World
from bot.workflow.refusal import refuse

LOOK = 5.0  # seconds from a delete to the first look whether it is gone


class Ended(NamedTuple):
    """How a deletion ended: why it was not done, or None once RDS no longer has the backup."""

    error: GaveUp | RdsRefused | None


async def delete(world: World, request_id: str) -> RequestState:
    """Bring an approved request to `deleted`, `refused` or `withdrawn`."""
    request = await world.load(request_id)
    if request.state is RequestState.APPROVED:
        with suppress(Conflict):  # withdrawn in this very moment
            await _begin(world, request)
    while (request := await turn(world, request_id)).state is RequestState.DELETING:
        with suppress(Conflict):  # the same; the next turn sees
            await _go_on(world, request)
    world.wakeups.pop(request_id, None)
    return request.state


async def _begin(world: World, request: BackupRequest) -> None:
    attempt = first_attempt(world, request)
    if attempt.is_over(world.clock.now()):  # the approval was for another day
        await refuse(world, request, why_ended(attempt))
        return
    await world.voice.say(request, Line.APPROVED)
    detail = request.backup_on_trail
    await world.move(
        request, RequestState.DELETING, AuditAction.DELETE_SENT, detail, attempt=attempt
    )


async def _go_on(world: World, request: BackupRequest) -> None:
    if request.is_stopped:
        await _stop(world, request)
    elif (ended := await carry_on(world, request)) is None:
        return
    elif ended.error:
        await refuse(world, await world.load(request.id), ended.error)
    else:
        await _deleted(world, request)


async def _stop(world: World, request: BackupRequest) -> None:
    """Send nothing more. What RDS may have deleted is looked for once again."""
    if request.is_in_doubt:
        with suppress(RdsError):
            if await world.watcher.look(*request.in_rds, LOOK) is None:
                await _deleted(world, request)
                return
    vote, detail = request.vote(Choice.WITHDRAW), request.backup_on_trail
    at = vote.at if vote else world.clock.now()
    state, action = RequestState.WITHDRAWN, AuditAction.WITHDRAWN
    await world.move(request, state, action, detail, decided_at=at)


async def _deleted(world: World, request: BackupRequest) -> None:
    await world.move(
        request,
        RequestState.DELETED,
        AuditAction.DELETED,
        request.backup_on_trail,
        finished_at=world.clock.now(),
    )


async def carry_on(world: World, request: BackupRequest) -> Ended | None:
    """One try to delete the request's backup, when its turn has come; None if it needs another.

    Raises Conflict once somebody withdraws it.
    """
    attempt = attempt_of(world, request)
    if attempt.is_over(world.clock.now()):
        return Ended(why_ended(attempt))
    if not attempt.accepted:
        try:
            request = await _send(world, request)
        except RdsError as error:
            if isinstance(error, RdsRefused) and not may_pass(error):
                return Ended(error)
            await put_off(world, request.id, error)
            return None
    return await _looked(world, request)


async def _send(world: World, request: BackupRequest) -> BackupRequest:
    """Send the delete, unless RDS has no such backup: then a look tells."""
    _, backup_id = request.in_rds
    async with world.gate:
        try:
            request, _ = await send(
                world,
                request,
                lambda on_turn: world.rds.delete_backup(backup_id, on_turn=on_turn),
            )
        except RdsRefused as error:
            if error.reason is RefusalReason.BACKUP_NOT_FOUND and error.says_gone:
                return await world.load(request.id)
            raise
        accepted = attempt_of(world, request).model_copy(update={"accepted": True})
        return await note(world, request, accepted)


async def _looked(world: World, request: BackupRequest) -> Ended | None:
    try:
        backup = await world.watcher.look(*request.in_rds, LOOK)
    except RdsError as error:
        await put_off(world, request.id, error)
        return None
    if backup is None:
        return Ended(None)
    later = attempt_of(world, request).later(world.clock.now(), request.id)
    await note(world, request, later)
    return None
