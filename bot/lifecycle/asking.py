"""From the command to the decision: look it up, put up the card, wait for people."""

from datetime import timedelta

from bot.backups import Conflict
from bot.domain.audit import AuditAction
from bot.domain.commands import free_name
from bot.domain.errors import (
    CannotPost,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    NameTaken,
    RdsRefused,
    UnknownInstance,
    UserError,
)
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.domain.policy import Terms, may_ask
from bot.domain.progress import history_of
from bot.domain.requests import BackupRequest, Refusal, RequestState
from bot.lifecycle.ports import World

# A decision wakes its waiter at once; the slow look is for one that was lost on the way.
REREAD = timedelta(seconds=60)
ALL_THE_TIME = 60.0  # seconds for RDS to list its instances: no ack waits for it any more


async def look_up(world: World, request_id: str) -> RequestState:
    """Ask RDS what the card must say, and refuse in plain words what cannot work."""
    request = await world.load(request_id)
    if request.state is not RequestState.ASKED:
        return request.state
    try:
        found = await world.patiently(
            lambda: world.catalogue.find(request.reference, ALL_THE_TIME)
        )
        instance = await world.patiently(lambda: world.catalogue.current(found.id))
        if instance is None:
            raise UnknownInstance(request.reference)
        backups = await world.patiently(lambda: world.rds.list_backups(found.id))
        _check_ready(instance, backups)
        _check_free(request, backups)
        terms = await _terms(world, request, instance)
    except (UserError, RdsRefused) as error:
        return await refuse(world, request, error)
    waits = terms.approvals > 0
    moved = await world.move(
        request,
        RequestState.AWAITING_APPROVAL if waits else RequestState.APPROVED,
        AuditAction.LOOKED_UP if waits else AuditAction.APPROVED,
        {"instance_id": instance.id, "approvals": str(terms.approvals)},
        instance=instance,
        history=history_of(backups),
        terms=terms,
        card_channel_id=terms.channel or request.channel_id,
        expires_at=world.clock.now() + terms.expires_after if waits else None,
    )
    return moved.state


def _check_ready(instance: Instance, backups: list[Backup]) -> None:
    full = (b for b in backups if b.type != "incremental")  # those run beside everything else
    running = next((b for b in full if b.status == BackupStatus.BUILDING), None)
    if instance.status == "BACKING UP" or running:
        since = running.begin_time.isoformat() if running and running.begin_time else None
        raise InstanceBusy(instance.name, running.name if running else None, since)
    if instance.status != "ACTIVE":
        raise InstanceNotReady(instance.name, instance.status)


def _check_free(request: BackupRequest, backups: list[Backup]) -> None:
    taken = {backup.name for backup in backups}
    if request.name in taken:
        raise NameTaken(request.name, free_name(request.name, taken))


async def _terms(world: World, request: BackupRequest, instance: Instance) -> Terms:
    terms = world.policy.terms_for(instance.name, instance.id)
    members = await world.groups.members(terms.requester_groups)
    if not may_ask(terms, request.requester, members):
        if None in members.values():
            raise GroupsUnknown(instance.name, terms.requesters)
        raise MayNotAsk(instance.name, terms.rule, terms.requesters)
    return terms


async def refuse(
    world: World, request: BackupRequest, error: UserError | RdsRefused
) -> RequestState:
    """End a request that cannot be started, keeping the reason."""
    refusal = Refusal.of(error)
    moved = await world.move(
        request,
        RequestState.REFUSED,
        AuditAction.REFUSED,
        {"reason": getattr(error, "reason", refusal.kind), "code": getattr(error, "code", "")},
        refusal=refusal,
        finished_at=world.clock.now(),
        rds_request_id=getattr(error, "request_id", None),
    )
    return moved.state


async def post_card(world: World, request_id: str) -> RequestState:
    """Put the card up; without one nobody could decide, so the request ends there."""
    request = await world.load(request_id)
    try:
        async with world.gate:
            await world.thread.show(request)
    except CannotPost as error:
        return await refuse(world, request, error)
    return request.state


async def await_decision(world: World, request_id: str) -> RequestState:
    """Wait until people decided or the time is over; a time-out is an answer too."""
    woken = world.wakeups[request_id]
    shown = 0
    while True:
        request = await world.load(request_id)
        if request.state is not RequestState.AWAITING_APPROVAL or request.expires_at is None:
            world.wakeups.pop(request_id, None)
            return request.state
        if len(request.votes) != shown:
            shown = len(request.votes)
            await world.draw(request)
        left = request.expires_at - world.clock.now()
        if left <= timedelta(0):
            await _expire(world, request)
            continue
        await world.clock.wait(woken, min(left, REREAD).total_seconds())
        woken.clear()


async def _expire(world: World, request: BackupRequest) -> None:
    try:
        await world.move(
            request, RequestState.EXPIRED, AuditAction.EXPIRED, decided_at=request.expires_at
        )
    except Conflict:
        return  # somebody decided in this very instant; the next look sees what
