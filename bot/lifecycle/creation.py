"""Create the backup, or adopt by name the one that an unanswered create has made."""

from datetime import timedelta
from functools import partial

import structlog

from bot.domain.audit import AuditAction
from bot.domain.errors import (
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.domain.instances import Backup
from bot.domain.lines import Line
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.lifecycle.patience import MENDING_GAP, Outage, patiently, wait_out
from bot.lifecycle.refusing import refuse
from bot.lifecycle.world import World
from bot.metrics import ADOPTIONS

log = structlog.get_logger(__name__)

LOOKS = (1.0, 2.0, 4.0, 8.0)  # seconds before each look for a backup that may have been made
CLOCKS_APART = timedelta(minutes=15)  # RDS takes no signature of a clock that is further off


async def create(world: World, request_id: str) -> RequestState:
    """Bring an approved request to `running` or `refused`, with at most one backup made.

    RDS has no idempotency token, but a backup's name is unique: after any create whose outcome
    is unknown, the name is looked up before a create is sent again.
    """
    request = await world.load(request_id)
    unsure = request.state is RequestState.CREATING  # a restart: one may have been sent
    if request.state is RequestState.APPROVED:
        broken = request.vote(Choice.BREAK_GLASS) is not None
        await world.voice.say(request, Line.BREAK_GLASS if broken else Line.APPROVED)
        request = await world.move(
            request, RequestState.CREATING, AuditAction.CREATE_SENT, {"name": request.name}
        )
    if request.state is not RequestState.CREATING:
        return request.state
    return await _create_or_adopt(world, request, unsure=unsure)


async def _create_or_adopt(world: World, request: BackupRequest, *, unsure: bool) -> RequestState:
    outage = Outage(world.clock, partial(world.voice.say, request, Line.RDS_AWAY))
    while True:
        if unsure and (backup := await _look(world, request)):
            return await _running(world, request, backup, adopted=True)
        try:
            async with world.gate:
                accepted = await world.rds.create_backup(
                    _instance_id(request), request.name, request.description
                )
                return await _running(world, request, *accepted)
        except RdsOutcomeUnknown as error:
            log.warning("create_outcome_unknown", backup=request.name, code=error.code)
            unsure = True
            await world.note(request, AuditAction.OUTCOME_UNKNOWN, error.for_support)
            await world.voice.say(request, Line.OUTCOME_UNKNOWN)
        except RdsUnreachable as error:
            await outage.wait(error)
        except RdsRefused as error:
            # The name may be taken, or the instance busy, by our own backup.
            if unsure and (backup := await _look(world, request)):
                return await _running(world, request, backup, adopted=True)
            if not await wait_out(world, request, error, request.decided_at or request.asked_at):
                return await refuse(world, request, error)


async def _look(world: World, request: BackupRequest) -> Backup | None:
    """Our backup, if there is one; RDS may make it, or list it, a little late."""
    for gap in LOOKS:
        await world.clock.sleep(gap)
        for backup in await _listed(world, request):
            if _can_be_ours(request, backup):
                return backup
    return None


async def _listed(world: World, request: BackupRequest) -> list[Backup]:
    """The instance's backups. Until RDS shows them nobody knows, so the request has to wait."""
    while True:
        try:
            return await patiently(
                world.clock,
                lambda: world.rds.list_backups(_instance_id(request), backup_type="manual"),
            )
        except RdsRefused as error:
            if error.reason is RefusalReason.INSTANCE_NOT_FOUND:
                return []
            if error.reason is RefusalReason.CREDENTIALS:
                await world.voice.say(request, Line.KEYS_REFUSED)
            log.error("look_refused", backup=request.name, reason=error.reason, code=error.code)  # noqa: TRY400 - no traceback: the operator has to mend keys or rights
            await world.clock.sleep(MENDING_GAP)


def _can_be_ours(request: BackupRequest, backup: Backup) -> bool:
    """Whether it has our name, and began no earlier than we can have asked for it."""
    earliest = (request.decided_at or request.asked_at) - CLOCKS_APART
    return (
        backup.name == request.name
        and backup.type == "manual"
        and (backup.begin_time is None or backup.begin_time >= earliest)
    )


def _instance_id(request: BackupRequest) -> str:
    if request.instance is None:
        raise LookupError(f"request {request.id} was approved before its instance was known")
    return request.instance.id


async def _running(
    world: World,
    request: BackupRequest,
    backup: Backup,
    rds_request_id: str | None = None,
    *,
    adopted: bool = False,
) -> RequestState:
    detail = {"backup_id": backup.id, "name": request.name}
    ADOPTIONS.inc(int(adopted))
    if rds_request_id:
        detail["rds_request_id"] = rds_request_id
    moved = await world.move(
        request,
        RequestState.RUNNING,
        AuditAction.ADOPTED if adopted else AuditAction.CREATE_ACCEPTED,
        detail,
        rds_request_id=rds_request_id,
        backup_id=backup.id,
        backup_status=backup.status,
        started_at=(adopted and backup.begin_time) or world.clock.now(),  # clocks may differ
        adopted=adopted,
    )
    return moved.state
