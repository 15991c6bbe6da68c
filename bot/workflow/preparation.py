"""From the command to the card: look the request up in RDS, check it, post its card."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from bot.application.deadlines import everybody_within
from bot.application.made_backups import made_here
from bot.application.ports import Conflict
from bot.domain.absence import unless_absent
from bot.domain.attempts import MENDING
from bot.domain.audit import AuditAction
from bot.domain.creating import check_creatable
from bot.domain.decisions import decide_approval
from bot.domain.deleting import deletable
from bot.domain.errors import (
    NameTaken,
    RdsRefused,
    StoreUnavailable,
    UnknownInstance,
    UserError,
)
from bot.domain.instances import Backup, Instance
from bot.domain.naming import free_name
from bot.domain.objections import check_may_ask
from bot.domain.outbox import Owed, wanted
from bot.domain.policy import Terms
from bot.domain.progress import REMEMBERED, history_of
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.domain.thread_lines import NO_KEYS, PUT_OFF, ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.retrying import retried

T = TypeVar("T")
GONE = "GONE"  # ours, not RDS's: an instance that is no longer listed
TO_COUNT = 3.0  # seconds for Slack to say who of a group is still there
# Why there is no card yet, for the requester alone.
_WITHOUT_CARD = {ThreadLine.RDS_AWAY: PUT_OFF, ThreadLine.KEYS_REFUSED: NO_KEYS}
ALL_THE_TIME = 60.0  # seconds for RDS to list its instances: no ack is waiting for it


async def look_up(context: StepContext, request_id: str) -> RequestState:
    """Ask RDS what the card must say, and refuse in plain words what cannot work."""
    request = await context.load(request_id)
    if request.state is not RequestState.SUBMITTED:
        return request.state
    try:
        return await _looked_up(context, request)
    except Conflict:  # withdrawn meanwhile
        return (await context.load(request_id)).state


async def _looked_up(context: StepContext, request: BackupRequest) -> RequestState:
    try:
        instance = await _instance(context, request)
        backups = await _backups(context, request, instance)
        found = _judge(request, instance, backups)
        await _check_name(context, request, instance)
        terms = await _terms(context, request, instance)
        calls = await _calls(context, request, terms)
        records = await context.store.completed_backups(instance.id, REMEMBERED)
    except StoreUnavailable:
        raise  # our outage to wait out, not a reason to refuse
    except (UserError, RdsRefused) as error:
        return await context.refuse(request, error)
    waits = terms.approvals > 0
    moved = await context.move(
        request,
        RequestState.AWAITING_APPROVAL if waits else RequestState.APPROVED,
        AuditAction.LOOKED_UP if waits else AuditAction.APPROVED,
        {"instance_id": instance.id, "approvals": str(terms.approvals)},
        also=calls,
        instance=instance,
        history=history_of(backups, records),
        terms=terms,
        card_channel_id=terms.channel or request.channel_id,
        expires_at=context.clock.now() + terms.expires_after if waits else None,
        **found,
    )
    return moved.state


async def _retried(
    context: StepContext, request: BackupRequest, call: Callable[[], Awaitable[T]]
) -> T:
    """Retry a call of RDS until it succeeds. Raises Conflict if the request is withdrawn."""

    async def ask() -> T:
        if (await context.load(request.id)).state is not RequestState.SUBMITTED:
            raise Conflict(request.id)
        return await call()

    async def tell(line: ThreadLine) -> None:
        if line not in told:
            await context.tell_requester(request, _WITHOUT_CARD[line])
            told.add(line)

    told: set[ThreadLine] = set()
    return await retried(
        context.clock,
        ask,
        tell,
        key=request.id,
        mending_until=request.asked_at + MENDING,
    )


async def _instance(context: StepContext, request: BackupRequest) -> Instance:
    """Return the instance as it is now; a backup can be deleted after its instance is gone."""
    known = request.instance or await _named(context, request)

    async def look(gap: float) -> Instance | None:
        await context.clock.sleep(gap)
        return await _retried(context, request, lambda: context.catalogue.current(known.id))

    current = await unless_absent(look)
    if current is None and request.kind is Kind.DELETE:
        return known.model_copy(update={"status": GONE})
    if current is None:
        raise UnknownInstance(request.reference)
    return current


async def _named(context: StepContext, request: BackupRequest) -> Instance:
    """Return the instance that was typed. Raises UnknownInstance once three lists agree."""
    unknown = UnknownInstance(request.reference)

    async def look(gap: float) -> Instance | None:
        nonlocal unknown
        await context.clock.sleep(gap)
        try:
            return await _retried(
                context, request, lambda: context.catalogue.find(request.reference, ALL_THE_TIME)
            )
        except UnknownInstance as error:
            unknown = error
            return None

    if instance := await unless_absent(look):
        return instance
    raise unknown


async def _backups(
    context: StepContext, request: BackupRequest, instance: Instance
) -> list[Backup]:
    """Return the instance's backups. A backup to be deleted is looked for by its id, too."""
    listed: list[Backup] = []

    async def look(gap: float) -> list[Backup] | None:
        nonlocal listed
        await context.clock.sleep(gap)
        listed = await _retried(context, request, lambda: context.rds.list_backups(instance.id))
        found = any(backup.name == request.name for backup in listed)
        return listed if found or request.kind is Kind.CREATE else None

    ours = await made_here(context.store, request.name, instance.id)
    if request.kind is Kind.CREATE or not ours:
        return await unless_absent(look) or listed
    if (found := await look(0.0)) is not None:
        return found
    for made in ours:  # RDS can be asked for it by its id
        backup = await _retried(context, request, partial(context.watcher.look, *made.in_rds, 0.0))
        if backup:
            return [*listed, backup]
    return listed


def _judge(request: BackupRequest, instance: Instance, backups: list[Backup]) -> dict[str, object]:
    """Return what RDS says of a backup to delete. Raises UserError if the request can't be met."""
    if request.kind is Kind.CREATE:
        check_creatable(request.name, instance, backups)
        return {}
    backup = deletable(request.name, instance, backups)
    return {
        "backup_id": backup.id,
        "size_kb": backup.size_kb,
        "started_at": backup.begin_time,
    }


async def _check_name(context: StepContext, request: BackupRequest, instance: Instance) -> None:
    """Raises NameTaken if another instance of its project has a backup of this name."""
    if request.kind is Kind.DELETE:
        return
    for made in await made_here(context.store, request.name):
        if made.in_rds[0] == instance.id or _is_elsewhere(made, instance):
            continue
        if await _is_there(context, request, made):
            free = free_name(request.name, {request.name})
            raise NameTaken(request.name, free, made.requester, made.instance_name)


def _is_elsewhere(made: BackupRequest, instance: Instance) -> bool:
    """Whether a backup is in another project, whose RDS may be away: names don't meet there."""
    return bool(made.instance and made.instance.project not in ("", instance.project))


async def _is_there(context: StepContext, request: BackupRequest, made: BackupRequest) -> bool:
    """Whether RDS still has the backup, which may have been deleted in its console."""
    look = partial(context.watcher.look, *made.in_rds, 0.0)
    return bool(await _retried(context, request, look))


async def _calls(context: StepContext, request: BackupRequest, terms: Terms) -> list[Owed]:
    """Return the direct messages to named approvers who want them, if Slack says who they are."""
    wanting = await context.store.wanting_approvals() if terms.approvals else []
    if not wanting or not terms.approvers:
        return []
    members = await everybody_within(TO_COUNT, context.people, (*terms.approvers, *wanting))
    may = partial(decide_approval, terms, requester=request.requester, approved_by=())
    return [
        wanted(request, user) for user in wanting if may(user=user, members=members).verdict.counts
    ]


async def _terms(context: StepContext, request: BackupRequest, instance: Instance) -> Terms:
    """Return the policy's terms. Raises UserError if they don't let this person request it."""
    terms = request.terms_in(context.policy, instance)
    people = (*terms.requesters, *terms.approvers, request.requester)
    members = await everybody_within(TO_COUNT, context.people, people)
    check_may_ask(request, instance.label, terms, members)
    return terms
