"""The use cases: the one door that handlers knock on."""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.clock import Clock
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.clicks import STATES, Click, ClickResult, entry, judge
from bot.domain.commands import CreateBackup
from bot.domain.decisions import (
    Decision,
    Verdict,
)
from bot.domain.errors import (
    NameTaken,
    RdsError,
    RdsUnreachable,
    RequestUnknown,
    StoreUnavailable,
    UserError,
)
from bot.domain.instances import Instance
from bot.domain.keeping import shown_keep
from bot.domain.naming import default_name, free_name
from bot.domain.policy import Members, Policy, Terms
from bot.domain.requests import (
    CARD,
    BackupRequest,
    Choice,
    Kind,
    RequestState,
    Retention,
    Vote,
)
from bot.metrics import DECISION_SECONDS
from bot.ports import Catalogue, Conflict, Engine, Intake, People, Store, Transaction

# An ack is due after 3 s; what RDS has not said by then is looked up afterwards.
PATIENCE = 1.5
PEOPLE_PATIENCE = 2.5  # seconds, however many clicks wait for Slack's answer at once
FORM_PATIENCE = 1.0  # the same before a form, which Slack has to open within 3 s as well


@dataclass(frozen=True)
class Asked:
    """Who asked, and where: Slack's own ids, never what a text claims."""

    user_id: str
    team_id: str
    channel_id: str
    trigger_id: str  # Slack's key of the one command or form; the same twice is one request
    response_url: str | None
    thread_ts: str | None = None  # of the thread in the channel from which they asked


class Backups:
    """Ask for a backup; decide about one."""

    def __init__(
        self,
        *,
        store: Store,
        intake: Intake,
        catalogue: Catalogue,
        policy: Policy,
        people: People,
        engine: Engine,
        clock: Clock,
    ) -> None:
        self._store = store
        self._intake = intake
        self._catalogue = catalogue
        self._policy = policy
        self._people = people
        self._engine = engine
        self._clock = clock

    async def ask(
        self, create: CreateBackup, asked: Asked, *, again: str | None = None
    ) -> BackupRequest:
        """Put a request on disk, and on its way. The same command twice is one request.

        What is certainly wrong is said before anything is stored: raises UnknownInstance,
        AmbiguousInstance, ReadReplica, NameTaken (another open request has the name),
        StoreUnavailable, and RdsRefused when RDS does not take the bot's own keys.
        `again` is the id of the request that this one repeats.
        """
        request = requested(
            asked,
            self._clock.now(),
            reference=create.instance,
            name=create.name,
            description=create.description,
            keep=create.keep,
        )
        try:
            found = await self._found(create.instance)
            if not create.name:
                instance = found.name if found else create.instance
                name = default_name(instance, request.asked_at, create.description)
                request = request.model_copy(update={"name": name})
            request = request.model_copy(update={"instance": found})
            return await self.put_down(request, found, again=again, renames=not create.name)
        except StoreUnavailable:
            raise  # there is nowhere to note it, and no time to try
        except (UserError, RdsError) as error:
            await self.note_refusal(request, error)
            raise

    def propose(self, instance: Instance, description: str = "") -> str:
        """A name for a backup of it, of now."""
        return default_name(instance.name, self._clock.now(), description)

    async def put_down(
        self,
        request: BackupRequest,
        found: Instance | None,
        *,
        again: str | None = None,
        renames: bool = False,
    ) -> BackupRequest:
        """Write a request down and begin it; the one of the same command, if there is one.

        Raises NameTaken if another open request has its name, unless it `renames` itself.
        """
        wanted, taken = request.name, set[str]()
        while True:
            try:
                trail = _asked(request, AuditAction.ASKED, found, again)
                await self._intake.write(request, trail)
            except Conflict:
                if same := await self._store.asked_by(request.trigger_id):
                    return same
                taken.add(request.name)
                if not renames:
                    raise await self._name_taken(request) from None
                request = request.model_copy(update={"name": free_name(wanted, taken)})
            else:
                self._engine.begin(request.id)
                return request

    async def _found(self, reference: str) -> Instance | None:
        with suppress(RdsUnreachable):  # slow is not wrong: the lifecycle takes its time
            return await self._catalogue.find(reference, PATIENCE)
        return None

    async def _name_taken(self, request: BackupRequest) -> NameTaken:
        other = await self._store.open_named(request.name)
        free = free_name(request.name, {request.name})
        return NameTaken(request.name, free, other.requester if other else None)

    async def note_refusal(self, request: BackupRequest, error: Exception) -> None:
        """Nothing is stored of a refused command, but that it was refused."""
        refused = _asked(request, AuditAction.ASK_REFUSED, None)
        detail = refused.detail | {"error": type(error).__name__}
        with suppress(StoreUnavailable):
            await self._record(refused.model_copy(update={"request_id": None, "detail": detail}))

    async def withdraw(self, about: str, asked: Asked) -> tuple[ClickResult, Click]:
        """Take a request back, by its backup's name or its id. Raises RequestUnknown."""
        request = await self._store.request_about(about)
        if request is None or asked.team_id not in ("", request.team_id):
            raise RequestUnknown(about)
        click = Click(request.id, Choice.WITHDRAW, asked.user_id, asked.team_id)
        return await self.decide(click), click

    async def keep(self, request_id: str, user_id: str, team_id: str) -> BackupRequest | None:
        """Let a backup stay that was to be deleted; the request as it stands then.

        None if this team has no such request. Where it is too late, nothing is changed.
        """
        request = await self.to_repeat(request_id, team_id)
        if request is None or request.retention is not Retention.WARNED:
            return request
        now = self._clock.now()
        with suppress(Conflict):
            async with self._store.transaction() as transaction:
                kept = await transaction.retain(request, Retention.KEPT, kept_by=user_id)
                detail = {"name": request.name, "backup_id": request.backup_id or ""}
                await transaction.record(
                    kept.on_trail(AuditAction.KEPT, at=now, actor=user_id, detail=detail)
                )
        self._engine.wake(request.id)
        return await self._store.load(request.id)

    async def is_double(self, request_id: str, ts: str) -> bool:
        """Whether the message is a card that was posted and then, its ts lost, posted again."""
        card = await self._store.posted(request_id, CARD)
        return card is not None and ts not in ("", card[1])

    async def to_repeat(self, request_id: str, team_id: str) -> BackupRequest | None:
        """The request that a button asks to repeat; None if this team has no such."""
        request = await self._store.load(request_id[:64])
        return request if request and team_id in ("", request.team_id) else None

    async def decide(self, click: Click) -> ClickResult:
        """Count a click. Vote, state and audit are one transaction; the answer is its result.

        Without the reason that its choice wants, a click that would count is answered with
        NO_REASON and leaves no trace.
        """
        members = await self._members_for(click)
        try:
            result = await self._count(click, members)
        except Conflict:  # somebody was faster: a second look sees what they did
            result = await self._count(click, members)
        if result.request is not None:
            self._engine.wake(result.request.id)
            if result.verdict is Verdict.DECIDED and (since := result.request.waits_since):
                took = self._clock.now() - since
                DECISION_SECONDS.labels(click.choice.value).observe(took.total_seconds())
        return result

    async def _members_for(self, click: Click) -> Members:
        """Who is behind the ids that this click hangs on, asked before anything is locked."""
        request = await self._store.load(click.request_id)
        if request is None or request.state is not RequestState.AWAITING_APPROVAL:
            return {}
        terms = request.under(self._policy).terms or Terms()
        match click.choice:
            case Choice.WITHDRAW:
                return {}
            case Choice.BREAK_GLASS:
                allowed = terms.break_glass
            case Choice.APPROVE | Choice.REJECT:
                allowed = terms.approvers
        opens_form = click.choice.wants_reason and not click.reason
        patience = FORM_PATIENCE if opens_form else PEOPLE_PATIENCE
        ids = (*allowed, click.user_id, *request.approvers)
        return await members_within(patience, self._people, ids)

    async def _count(self, click: Click, members: Members) -> ClickResult:
        async with self._store.transaction() as transaction:
            request = await transaction.load(click.request_id)
            now = self._clock.now()
            if request is None:
                decision = Decision(Verdict.UNKNOWN_REQUEST, "")
            else:
                request = request.under(self._policy)
                decision = judge(click, request, members, now)
                request = await _carry_out(transaction, click, request, decision, now)
            if decision.verdict is not Verdict.NO_REASON:
                await transaction.record(entry(click, decision, request, now))
        return ClickResult(decision.verdict, request)

    async def _record(self, entry: AuditEntry) -> None:
        async with self._store.transaction() as transaction:
            await transaction.record(entry)


async def members_within(patience: float, people: People, ids: Iterable[str]) -> Members:
    """Of what is not told in time nothing is known, which lets no group decide."""
    try:
        async with asyncio.timeout(patience):
            return await people.members(ids)
    except TimeoutError:
        return {}


async def _carry_out(
    transaction: Transaction,
    click: Click,
    request: BackupRequest,
    decision: Decision[Verdict],
    now: datetime,
) -> BackupRequest:
    if not decision.verdict.counts:
        return request
    if decision.struck:
        request = await transaction.strike(request, decision.struck)
    if not (click.choice is Choice.APPROVE and click.user_id in request.approvers):
        vote = Vote(user_id=click.user_id, choice=click.choice, at=now, reason=click.reason)
        request = await transaction.vote(request, vote)
    if decision.verdict is Verdict.COUNTED:
        return request
    to = STATES[click.choice]
    return await transaction.move(request, to, decided_at=now, terms=request.terms)


def requested(asked: Asked, now: datetime, **what: Any) -> BackupRequest:
    """A new request, on which nothing was done yet."""
    return BackupRequest(
        id=uuid.uuid4().hex,
        trigger_id=asked.trigger_id,
        team_id=asked.team_id,
        channel_id=asked.channel_id,
        card_channel_id=asked.channel_id,
        requester=asked.user_id,
        response_url=asked.response_url,
        thread_ts=asked.thread_ts,
        state=RequestState.ASKED,
        asked_at=now,
        **what,
    )


def _asked(
    request: BackupRequest,
    action: AuditAction,
    found: Instance | None,
    again: str | None = None,
) -> AuditEntry:
    """What was asked for; what is usual is not said."""
    keep = shown_keep(request.keep) if request.keep else ""
    unusual = {"again": again or "", "keep": keep}
    if request.kind is not Kind.CREATE:
        unusual["kind"] = request.kind.value
    detail = {"name": request.name, "description": request.description}
    detail |= {key: value for key, value in unusual.items() if value}
    entry = request.on_trail(action, at=request.asked_at, actor=request.requester, detail=detail)
    known = {"instance": found.name, "instance_id": found.id} if found else {}
    return entry.model_copy(update=known)
