"""Delete a backup, and wait until it is gone. A delete sent twice is one: its id is unique."""

import structlog

from bot.domain.audit import AuditAction
from bot.domain.errors import (
    RdsError,
    RdsRefused,
    RefusalReason,
)
from bot.domain.requests import BackupRequest, Line, RequestState
from bot.lifecycle.asking import refuse
from bot.lifecycle.creation import PATIENCE
from bot.lifecycle.ports import trouble_line
from bot.lifecycle.world import FIRST_GAP, LASTING, LONGEST_GAP, World

log = structlog.get_logger(__name__)

LOOK = 5.0  # seconds between two looks whether it is gone


async def delete(world: World, request_id: str) -> RequestState:
    """Bring an approved request to `deleted` or `refused`."""
    request = await world.load(request_id)
    if request.state is RequestState.APPROVED:
        await world.say(request, Line.APPROVED)
        request = await world.move(
            request, RequestState.DELETING, AuditAction.DELETE_SENT, sent(request)
        )
    if request.state is not RequestState.DELETING:
        return request.state
    if error := await carry_out(world, request):
        return await refuse(world, request, error)
    moved = await world.move(
        request,
        RequestState.DELETED,
        AuditAction.DELETED,
        sent(request),
        finished_at=world.clock.now(),
    )
    return moved.state


def sent(request: BackupRequest) -> dict[str, str]:
    """What the trail says of the backup."""
    return {"name": request.name, "backup_id": request.backup_id or ""}


async def carry_out(world: World, request: BackupRequest) -> RdsRefused | None:
    """Delete the request's backup; why RDS refuses, or None once it lists it no more."""
    instance_id, backup_id = _what(request)
    since, gap, trouble = world.clock.now(), FIRST_GAP, False
    while True:
        try:
            async with world.gate:
                await world.rds.delete_backup(backup_id)
            break
        except RdsRefused as error:
            patience = PATIENCE.get(error.reason)
            if error.reason is RefusalReason.BACKUP_NOT_FOUND:
                break
            if patience is None or world.clock.now() - since > patience.lasts:
                return error
            await world.say(request, patience.line)
            await world.clock.sleep(patience.gap)
        except RdsError as error:
            if not trouble and gap >= LASTING:
                trouble = True
                await world.say(request, trouble_line(error))
            await world.clock.sleep(max(gap, getattr(error, "retry_after", None) or 0.0))
            gap = min(gap * 2, LONGEST_GAP)
    gap = LOOK
    while await world.watcher.look(instance_id, backup_id, gap, patient=True):
        gap = min(gap * 2, LONGEST_GAP)
    return None


def _what(request: BackupRequest) -> tuple[str, str]:
    if request.instance is None or request.backup_id is None:
        raise LookupError(f"request {request.id} names no backup to delete")
    return request.instance.id, request.backup_id
