"""Create the backup, or adopt by name the one that an unanswered create has made."""

from datetime import timedelta

import structlog

from bot.domain.audit import AuditAction
from bot.domain.errors import RdsOutcomeUnknown, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup
from bot.domain.requests import BackupRequest, Line, RequestState
from bot.lifecycle.asking import refuse
from bot.lifecycle.ports import World

log = structlog.get_logger(__name__)

LOOKS = (1.0, 2.0, 4.0, 8.0)  # seconds before each look for a backup that may have been made
BUSY = {RefusalReason.INSTANCE_BUSY, RefusalReason.BACKUP_RUNNING}
BUSY_GAP = 30.0  # seconds; the shortest that RDS's own tools wait
BUSY_PATIENCE = timedelta(hours=2)  # longer than this, the approval was for another day


async def create(world: World, request_id: str) -> RequestState:
    """Bring an approved request to `running` or `refused`, with at most one backup made.

    RDS has no idempotency token, but a backup's name is unique: after any create whose outcome
    is unknown, the name is looked up before a create is sent again.
    """
    request = await world.load(request_id)
    unsure = request.state is RequestState.CREATING  # a restart: one may have been sent
    if request.state is RequestState.APPROVED:
        await world.say(request, Line.APPROVED)
        request = await world.move(request, RequestState.CREATING, AuditAction.CREATE_SENT)
    if request.state is not RequestState.CREATING:
        return request.state
    return await _create_or_adopt(world, request, unsure=unsure)


async def _create_or_adopt(world: World, request: BackupRequest, *, unsure: bool) -> RequestState:
    looks: tuple[float, ...] = LOOKS[
        :1
    ]  # after a restart one look is enough: whatever was sent is long over
    give_up = world.clock.now() + BUSY_PATIENCE
    while True:
        if unsure and (backup := await _look(world, request, looks)):
            return await _running(world, request, backup, adopted=True)
        try:
            async with world.gate:
                backup = await world.rds.create_backup(
                    _instance_id(request), request.name, request.description
                )
                return await _running(world, request, backup)
        except RdsOutcomeUnknown as error:
            log.warning("create_outcome_unknown", backup=request.name, code=error.code)
            unsure, looks = True, LOOKS
            await world.say(request, Line.OUTCOME_UNKNOWN)
        except RdsUnreachable as error:
            await world.clock.sleep(max(5.0, error.retry_after or 0.0))
        except RdsRefused as error:
            if error.reason not in BUSY or world.clock.now() >= give_up:
                return await _refused(world, request, error, unsure=unsure)
            await world.say(request, Line.BUSY)
            await world.clock.sleep(BUSY_GAP)


async def _refused(
    world: World, request: BackupRequest, error: RdsRefused, *, unsure: bool
) -> RequestState:
    ours_maybe = error.reason is RefusalReason.NAME_TAKEN and unsure
    if ours_maybe and (backup := await _look(world, request, LOOKS)):
        return await _running(world, request, backup, adopted=True)
    return await refuse(world, request, error)


async def _look(world: World, request: BackupRequest, gaps: tuple[float, ...]) -> Backup | None:
    """Our backup, by its exact name on its instance; RDS may list it a little late."""
    for gap in gaps:
        await world.clock.sleep(gap)
        backups = await world.patiently(lambda: world.rds.list_backups(_instance_id(request)))
        for backup in backups:
            if backup.name == request.name and backup.type == "manual":
                return backup
    return None


def _instance_id(request: BackupRequest) -> str:
    if request.instance is None:
        raise LookupError(f"request {request.id} was approved before its instance was known")
    return request.instance.id


async def _running(
    world: World, request: BackupRequest, backup: Backup, *, adopted: bool = False
) -> RequestState:
    moved = await world.move(
        request,
        RequestState.RUNNING,
        AuditAction.ADOPTED if adopted else AuditAction.CREATE_ACCEPTED,
        {"backup_id": backup.id},
        backup_id=backup.id,
        backup_status=backup.status,
        started_at=backup.begin_time or world.clock.now(),
        adopted=adopted,
    )
    return moved.state
