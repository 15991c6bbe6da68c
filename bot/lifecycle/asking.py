"""From the command to the decision: look it up, put up the card, wait for people."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from bot.domain.audit import AuditAction
from bot.domain.decisions import AskVerdict, able_to_approve, decide_request
from bot.domain.deleting import deletable
from bot.domain.errors import (
    AskedInDirectMessage,
    CannotPost,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    NameTaken,
    OtherChannel,
    RdsRefused,
    SlackUnreachable,
    TooFewApprovers,
    UnknownInstance,
    UserError,
)
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.domain.naming import free_name
from bot.domain.policy import Members, Terms
from bot.domain.progress import history_of
from bot.domain.requests import BackupRequest, Kind, Refusal, RequestState
from bot.lifecycle.world import World
from bot.ports import Conflict

T = TypeVar("T")
GONE = "GONE"  # ours, not RDS's: an instance that is not listed any more
ALL_THE_TIME = 60.0  # seconds for RDS to list its instances: no ack waits for it any more


async def look_up(world: World, request_id: str) -> RequestState:
    """Ask RDS what the card must say, and refuse in plain words what cannot work."""
    request = await world.load(request_id)
    if request.state is not RequestState.ASKED:
        return request.state
    try:
        return await _looked_up(world, request)
    except Conflict:  # withdrawn meanwhile
        return (await world.load(request_id)).state


async def _looked_up(world: World, request: BackupRequest) -> RequestState:
    try:
        instance = await _instance(world, request)
        backups = await _patiently(world, request, lambda: world.rds.list_backups(instance.id))
        found = _judge(request, instance, backups)
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
        **found,
    )
    return moved.state


async def _patiently(world: World, request: BackupRequest, call: Callable[[], Awaitable[T]]) -> T:
    """Ask RDS until it answers. Raises Conflict once the request is withdrawn."""

    async def ask() -> T:
        if (await world.load(request.id)).state is not RequestState.ASKED:
            raise Conflict(request.id)
        return await call()

    return await world.patiently(ask, partial(world.put_off, request))


async def _instance(world: World, request: BackupRequest) -> Instance:
    """As RDS shows it now. A backup may outlive its instance, and be deleted after it."""
    known = request.instance
    if known is None:
        known = await _patiently(
            world, request, lambda: world.catalogue.find(request.reference, ALL_THE_TIME)
        )
    current = await _patiently(world, request, lambda: world.catalogue.current(known.id))
    if current is None and request.kind is Kind.DELETE:
        return known.model_copy(update={"status": GONE})
    if current is None:
        raise UnknownInstance(request.reference)
    return current


def _judge(request: BackupRequest, instance: Instance, backups: list[Backup]) -> dict[str, object]:
    """Raises what cannot be; what RDS says of a backup that is to be deleted."""
    if request.kind is Kind.CREATE:
        _check_ready(instance, backups)
        _check_free(request, backups)
        return {}
    backup = deletable(request.name, instance, backups)
    return {
        "backup_id": backup.id,
        "backup_status": backup.status,
        "size_kb": backup.size_kb,
        "started_at": backup.begin_time,
    }


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
    """What the policy wants. Raises what says that this person may not ask, or that it is vain."""
    terms = request.terms_in(world.policy, instance)
    people = (*terms.requesters, *terms.approvers, request.requester)
    members = await world.people.members(people)
    decision = decide_request(
        terms, user=request.requester, channel=request.channel_id, members=members
    )
    if terms.approvals and (terms.channel or request.channel_id).startswith("D"):
        raise AskedInDirectMessage(instance.name)
    if error := _objection(decision.verdict, terms, request, instance.name, members):
        raise error
    return terms


def _objection(
    verdict: AskVerdict, terms: Terms, request: BackupRequest, instance: str, members: Members
) -> UserError | None:
    match verdict:
        case AskVerdict.MAY_NOT_ASK:
            return MayNotAsk(instance, terms.rule, terms.requesters)
        case AskVerdict.OTHER_CHANNEL:
            return OtherChannel(instance, terms.rule, terms.channels)
        case AskVerdict.GROUPS_UNKNOWN:
            return GroupsUnknown(instance, terms.requesters)
        case AskVerdict.TOO_FEW_APPROVERS:
            able = able_to_approve(terms, request.requester, members) or ()
            return TooFewApprovers(instance, terms.rule, terms.approvals, sorted(able))
        case AskVerdict.NEEDS_APPROVAL | AskVerdict.RUNS_AT_ONCE:
            return None


async def refuse(
    world: World, request: BackupRequest, error: UserError | RdsRefused
) -> RequestState:
    """End a request that cannot be started, keeping the reason."""
    refusal = Refusal.of(error)
    moved = await world.move(
        request,
        RequestState.REFUSED,
        AuditAction.REFUSED,
        _why(error, refusal.kind),
        refusal=refusal,
        finished_at=world.clock.now(),
        rds_request_id=getattr(error, "request_id", None),
    )
    return moved.state


def _why(error: UserError | RdsRefused, kind: str) -> dict[str, str]:
    if not isinstance(error, RdsRefused):
        return {"reason": kind}
    told = {"code": error.code, "rds_request_id": error.request_id or ""}
    return {"reason": error.reason.value} | {key: what for key, what in told.items() if what}


async def post_card(world: World, request_id: str) -> RequestState:
    """Put the card up; without one nobody could decide, so the request ends there.

    What nobody has to decide does not wait for Slack: its card comes with the next line.
    """
    request = await world.load(request_id)
    try:
        await world.thread.show(request)
    except CannotPost as error:
        return await refuse(world, request, error)
    except SlackUnreachable:
        if request.state is not RequestState.APPROVED:
            raise
    if request.thread_ts:
        await world.point(request)
    return request.state
