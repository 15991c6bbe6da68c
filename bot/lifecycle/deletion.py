"""Delete a backup, and wait until it is gone. A delete sent twice is one: its id is unique."""

from functools import partial

from bot.domain.audit import AuditAction
from bot.domain.errors import RdsError, RdsRefused, RefusalReason
from bot.domain.lines import Line
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.lifecycle.patience import LASTING, LONGEST_GAP, Outage, wait_out
from bot.lifecycle.refusing import refuse
from bot.lifecycle.world import World

LOOK = 5.0  # seconds between two looks whether it is gone
LATER = 2 * LASTING  # nobody waits for a deletion as for a backup: an outage is said a try later


async def delete(world: World, request_id: str) -> RequestState:
    """Bring an approved request to `deleted` or `refused`."""
    request = await world.load(request_id)
    if request.state is RequestState.APPROVED:
        await world.voice.say(request, Line.APPROVED)
        request = await world.move(
            request, RequestState.DELETING, AuditAction.DELETE_SENT, request.backup_on_trail
        )
    if request.state is not RequestState.DELETING:
        return request.state
    if error := await carry_out(world, request):
        return await refuse(world, request, error)
    moved = await world.move(
        request,
        RequestState.DELETED,
        AuditAction.DELETED,
        request.backup_on_trail,
        finished_at=world.clock.now(),
    )
    return moved.state


async def carry_out(world: World, request: BackupRequest) -> RdsRefused | None:
    """Delete the request's backup; why RDS refuses, or None once it lists it no more."""
    instance_id, backup_id = request.in_rds
    if error := await _accepted(world, request, backup_id):
        return error
    gap = LOOK
    while await world.watcher.look(instance_id, backup_id, gap, patient=True):
        gap = min(gap * 2, LONGEST_GAP)
    return None


async def _accepted(world: World, request: BackupRequest, backup_id: str) -> RdsRefused | None:
    """Send the delete until RDS accepts it, or knows no such backup; why it refuses, else None."""
    since = world.clock.now()
    outage = Outage(world.clock, partial(world.voice.say, request, Line.RDS_AWAY), from_gap=LATER)
    while True:
        try:
            async with world.gate:
                await world.rds.delete_backup(backup_id)
        except RdsRefused as error:
            if error.reason is RefusalReason.BACKUP_NOT_FOUND:
                return None
            if not await wait_out(world, request, error, since):
                return error
        except RdsError as error:
            await outage.wait(error)
        else:
            return None
