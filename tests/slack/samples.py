"""One request in every state, and the errors that people meet."""

from datetime import UTC, datetime, timedelta

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.commands import CommandError
from bot.domain.decisions import Verdict
from bot.domain.errors import (
    AmbiguousInstance,
    AskedInDirectMessage,
    BackupBusy,
    BackupNotManual,
    BackupUnknown,
    CannotPost,
    ForeignWorkspace,
    FormNotOpened,
    GaveUp,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    MayNotAudit,
    NameTaken,
    OtherChannel,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    ReadReplica,
    RefusalReason,
    RequestOpen,
    RequestUnknown,
    StoreUnavailable,
    TooFewApprovers,
    TooManyCommands,
    UnknownInstance,
    UserError,
    WorkspaceUnknown,
)
from bot.domain.fields import Problem
from bot.domain.instances import Backup, Instance
from bot.domain.policy import RuleReference, RuleSource, Terms
from bot.domain.progress import History, history_of
from bot.domain.requests import BackupRequest, Choice, Kind, Refusal, Vote
from bot.domain.states import RequestState

ASKED_AT = datetime(2026, 11, 23, 14, 4, tzinfo=UTC)
DECIDED_AT = ASKED_AT + timedelta(minutes=1)
EXPIRES_AT = ASKED_AT + timedelta(hours=8)
BACKUP_ID = "cb211c0075104151a748a854bc8bd87dbr01"
GB = 1024 * 1024
MONTH = timedelta(days=30)
S = RequestState
HISTORY = History(
    quick=timedelta(minutes=6),
    usual=timedelta(minutes=7),
    slow=timedelta(minutes=9),
    last_finished=ASKED_AT - timedelta(hours=21),
    last_size_kb=int(38.2 * GB),
    last_took=timedelta(minutes=7),
    runs=10,
    spread=0.2,
    usual_size_kb=38 * GB,
    size_spread=0.02,
)
LEARNING = history_of(
    [
        Backup(
            id="b1",
            instance_id="i",
            name="day-1",
            status="COMPLETED",
            begin_time=ASKED_AT - timedelta(hours=21, minutes=7),
            end_time=ASKED_AT - timedelta(hours=21),
            size_kb=38 * GB,
        )
    ]
)
TERMS = Terms(approvers=("S0DBA",), rule="rule 2 (orders-*)")
FULL_STORAGE = RdsRefused(RefusalReason.STORAGE_FULL, "DBS.200316", request_id="9f1c")


def asked(
    instance: str = "orders-prod",
    name: str = "before-migration-42",
    description: str = "before the 4.2 migration",
) -> BackupRequest:
    return BackupRequest(
        id="0d1e2f",
        trigger_id="1.2.3",
        team_id="T0TEAM",
        channel_id="C0OPS",
        card_channel_id="C0OPS",
        requester="U0ANA",
        response_url=None,
        reference=instance,
        name=name,
        description=description,
        state=S.SUBMITTED,
        asked_at=ASKED_AT,
    )


def in_every_state(
    request: BackupRequest,
    terms: Terms = TERMS,
    history: History = HISTORY,
    *,
    reason: str = "not tonight",
    glass: bool = False,
) -> dict[RequestState, BackupRequest]:
    """The request, brought to each state by the ways that exist; Ben decides, or breaks glass."""
    instance = Instance(
        id="i",
        name=request.reference,
        status="ACTIVE",
        type="Ha",
        engine="MySQL",
        version="8.0",
        disk_gb=100,
    )
    waits = request.moved(
        S.AWAITING_APPROVAL,
        instance=instance,
        history=history,
        terms=terms,
        expires_at=EXPIRES_AT,
    )
    yes = Vote(user_id="U0BEN", choice=Choice.APPROVE, at=DECIDED_AT)
    no = voted(Choice.REJECT, reason)
    back = Vote(user_id="U0ANA", choice=Choice.WITHDRAW, at=DECIDED_AT)
    votes = (yes,) * bool(terms.approvals)
    if glass:
        votes = (voted(Choice.BREAK_GLASS, reason),)
    approved = waits.moved(S.APPROVED, votes=votes, decided_at=DECIDED_AT)
    creating = approved.moved(S.CREATING)
    running = creating.moved(S.RUNNING, backup_id=BACKUP_ID, started_at=DECIDED_AT)
    at, refusal = DECIDED_AT + timedelta(minutes=7), Refusal.of(FULL_STORAGE)
    done = {"took": timedelta(minutes=7, seconds=12), "size_kb": int(38.4 * GB)}
    ways = (
        request,
        waits,
        approved,
        creating,
        running,
        running.moved(S.COMPLETED, finished_at=at, **done),
        running.moved(S.FAILED, finished_at=at, took=timedelta(minutes=3)),
        running.moved(S.LOST, finished_at=at),
        creating.moved(S.REFUSED, finished_at=at, refusal=refusal, rds_request_id="9f1c"),
        waits.moved(S.REJECTED, votes=(no,), decided_at=DECIDED_AT),
        waits.moved(S.EXPIRED, decided_at=EXPIRES_AT),
        waits.moved(S.WITHDRAWN, votes=(back,), decided_at=DECIDED_AT),
    )
    target = to_delete(approved).moved(S.DELETING)
    gone = target.moved(S.DELETED, finished_at=at)
    return {request.state: request for request in (*ways, target, gone)}


def odd_outcomes() -> dict[str, BackupRequest]:
    """A completed backup with each thing that can be unusual about it."""
    done = in_every_state(asked())[S.COMPLETED]
    changes: dict[str, dict[str, object]] = {
        "much smaller than usual": {"size_kb": int(1.8 * GB)},
        "much larger than usual": {"size_kb": 96 * GB},
        "much slower than usual": {"took": timedelta(minutes=31)},
        "smaller and faster": {"size_kb": GB, "took": timedelta(seconds=40)},
        "no size": {"size_kb": None},
    }
    return {name: done.model_copy(update=odd) for name, odd in changes.items()}


def to_delete(request: BackupRequest) -> BackupRequest:
    """The same request, for the backup to be deleted."""
    made = {"backup_id": BACKUP_ID, "size_kb": int(38.4 * GB), "started_at": ASKED_AT - MONTH}
    return request.model_copy(update={"kind": Kind.DELETE, **made})


def deletion_in_every_state() -> dict[RequestState, BackupRequest]:
    """A request to delete a backup, in every state it can be in."""
    every = in_every_state(asked(description=""))
    not_for_it = {S.CREATING, S.RUNNING, S.COMPLETED, S.FAILED, S.LOST}
    return {
        state: to_delete(request) for state, request in every.items() if state not in not_for_it
    }


def expiring(**changes: object) -> BackupRequest:
    """A backup that was asked for with an end."""
    done = in_every_state(asked())[S.COMPLETED]
    return done.model_copy(update={"keep": timedelta(days=14), "warned_at": EXPIRES_AT, **changes})


def voted(choice: Choice, reason: str = "", user: str = "U0BEN") -> Vote:
    return Vote(user_id=user, choice=choice, at=DECIDED_AT, reason=reason)


def half_approved(terms: Terms) -> BackupRequest:
    """It waits, and Ben approved."""
    waits = in_every_state(asked(), terms)[S.AWAITING_APPROVAL]
    return waits.model_copy(update={"votes": (voted(Choice.APPROVE),)})


def on_the_trail(
    action: AuditAction,
    actor: str = "backup-bot",
    *,
    request_id: str | None = "0d1e2f",
    **detail: str,
) -> AuditEntry:
    return AuditEntry(
        at=DECIDED_AT,
        request_id=request_id,
        actor=actor,
        action=action,
        detail=detail,
        rule=str(TERMS.rule),
        instance="orders-prod",
        instance_id="i",
    )


def trail(text: str = "before-migration-42") -> list[AuditEntry]:
    """One entry of every kind, and every refused click, with `text` wherever a text goes."""
    what = dict.fromkeys(
        ("name", "description", "reason", "error", "code", "backup_id", "rds_request_id"), text
    )
    what |= {"approvals": "2", "seconds": "432", "size_kb": "40265318", "status": text}
    entries = [on_the_trail(action, "U0ANA", **what) for action in AuditAction]
    entries += [on_the_trail(action, text, choice=text, **what) for action in AuditAction]
    refused = AuditAction.CLICK_REFUSED
    return entries + [
        on_the_trail(refused, "U0CYD", choice=choice, verdict=verdict, reason=text)
        for verdict in (*Verdict, text)
        for choice in (*Choice, text)
    ]


def errors(text: str = "orders-prod") -> list[UserError | RdsError]:
    """One of every class, and every refusal of RDS, with `text` wherever a text goes."""
    rule = RuleReference(source=RuleSource.RULE, number=1, instances=(text,))
    return [
        CommandError([Problem("name", text, text, text)] * 4, text),
        CommandError([Problem("verb", text)]),
        UnknownInstance(text),
        UnknownInstance(text, [text, text, text]),
        AmbiguousInstance(text, [text] * 30),
        ReadReplica(text, text),
        ReadReplica(text, None),
        InstanceBusy(text, text, ASKED_AT.isoformat()),
        InstanceBusy(text),
        InstanceNotReady(text, text),
        InstanceNotReady(text, "RESTORING"),
        BackupUnknown(text),
        BackupUnknown(text, text),
        BackupNotManual(text, text),
        BackupBusy(text, text),
        BackupBusy(text, "BUILDING"),
        BackupBusy(text, "DELETING"),
        RequestOpen(text, "U0BEN"),
        RequestOpen(text),
        RequestUnknown(text),
        AskedInDirectMessage(text),
        ForeignWorkspace(),
        WorkspaceUnknown(),
        TooManyCommands(120, 11.2),
        FormNotOpened(),
        GaveUp(7200, 20),
        NameTaken(text, text, "U0BEN"),
        NameTaken(text, text),
        GroupsUnknown(text, ["S0DBA", text]),
        GroupsUnknown(text, [], text),
        OtherChannel(text, rule, ["C0OPS", text]),
        TooFewApprovers(text, rule, 3, ["U0BEN", text]),
        TooFewApprovers(text, rule, 1, []),
        MayNotAudit(text, rule, ["S0DBA", text] * 40),
        MayNotAudit(text, rule, []),
        MayNotAsk(text, rule, ["S0DBA", "U0BEN", text]),
        CannotPost("C0OPS", text),
        CannotPost("C0OPS", "not_in_channel"),
        CannotPost("D0ANA", "channel_not_found"),
        StoreUnavailable(),
        RdsUnreachable(text, retry_after=30.0),
        RdsUnreachable(),
        RdsOutcomeUnknown(status=500),
        *(RdsRefused(reason, text, request_id=text) for reason in RefusalReason),
    ]
