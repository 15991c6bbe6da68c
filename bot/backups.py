"""The use cases: the one door that handlers knock on."""

import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Protocol

from bot.clock import Clock
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.commands import CreateBackup, free_name
from bot.domain.errors import NameTaken, RdsUnreachable
from bot.domain.instances import Instance
from bot.domain.policy import Policy, Terms, Verdict, decide_approval, decide_rejection
from bot.domain.requests import BackupRequest, Choice, RequestState, Vote

# An ack is due after 3 s; what RDS has not said by then is looked up afterwards.
PATIENCE = 1.5
LONGEST_ID = 64  # of what a click may claim to be a request's id


class Conflict(Exception):
    """Another row already has what must be unique, or has moved on; nothing was written."""


class Transaction(Protocol):
    """One unit of work: all of it is on disk when its block ends, or none of it."""

    async def insert(self, request: BackupRequest) -> None: ...
    async def load(self, request_id: str) -> BackupRequest | None: ...
    async def move(
        self, request: BackupRequest, to: RequestState, **changes: object
    ) -> BackupRequest: ...
    async def vote(self, request: BackupRequest, vote: Vote) -> BackupRequest: ...
    async def record(self, entry: AuditEntry) -> None: ...


class Store(Protocol):
    """The truth. Raises StoreUnavailable when it does not answer."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...
    async def load(self, request_id: str) -> BackupRequest | None: ...
    async def asked_by(self, trigger_id: str) -> BackupRequest | None: ...
    async def open_named(self, name: str) -> BackupRequest | None: ...
    async def ids_in(self, state: RequestState) -> list[str]: ...


class Catalogue(Protocol):
    """The project's instances, from memory when they are known."""

    async def find(self, reference: str, patience: float) -> Instance: ...


class Groups(Protocol):
    """Slack's user groups."""

    async def members(self, group_ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        """The user ids in each group; None for a group of which Slack could not say."""
        ...


class Engine(Protocol):
    """What carries a request on once it is on disk."""

    def begin(self, request_id: str) -> None: ...
    def wake(self, request_id: str) -> None: ...


@dataclass(frozen=True)
class Asked:
    """Who asked, and where: Slack's own ids, never what a text claims."""

    user_id: str
    team_id: str
    channel_id: str
    trigger_id: str
    response_url: str | None


@dataclass(frozen=True)
class Click:
    """Somebody pressed Approve or Reject."""

    request_id: str
    choice: Choice
    user_id: str
    team_id: str


@dataclass(frozen=True)
class ClickResult:
    """What a click came to, and the request as it stands now (None if there is no such)."""

    verdict: Verdict
    request: BackupRequest | None


class Backups:
    """Ask for a backup; approve or reject one."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        policy: Policy,
        groups: Groups,
        engine: Engine,
        clock: Clock,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._policy = policy
        self._groups = groups
        self._engine = engine
        self._clock = clock

    async def ask(self, create: CreateBackup, asked: Asked) -> BackupRequest:
        """Put a request on disk, and on its way. The same command twice is one request.

        What is certainly wrong is said before anything is stored: raises UnknownInstance,
        AmbiguousInstance, ReadReplica, NameTaken (another open request has the name),
        StoreUnavailable, and RdsRefused when RDS does not take the bot's own keys.
        """
        with suppress(RdsUnreachable):  # slow is not wrong: the lifecycle takes its time
            await self._catalogue.find(create.instance, PATIENCE)
        request = BackupRequest(
            id=uuid.uuid4().hex,
            trigger_id=asked.trigger_id,
            team_id=asked.team_id,
            channel_id=asked.channel_id,
            card_channel_id=asked.channel_id,
            requester=asked.user_id,
            response_url=asked.response_url,
            reference=create.instance,
            name=create.name,
            description=create.description,
            state=RequestState.ASKED,
            asked_at=self._clock.now(),
        )
        try:
            async with self._store.transaction() as transaction:
                await transaction.insert(request)
                await transaction.record(
                    AuditEntry(
                        at=request.asked_at,
                        request_id=request.id,
                        actor=asked.user_id,
                        action=AuditAction.ASKED,
                        detail={"instance": create.instance, "name": create.name},
                    )
                )
        except Conflict:
            return await self._asked_before(request)
        self._engine.begin(request.id)
        return request

    async def _asked_before(self, request: BackupRequest) -> BackupRequest:
        """The request that this command made already; raises NameTaken if it is another's."""
        if same := await self._store.asked_by(request.trigger_id):
            return same
        other = await self._store.open_named(request.name)
        raise NameTaken(
            request.name,
            free_name(request.name, {request.name}),
            other.requester if other else None,
        )

    async def decide(self, click: Click) -> ClickResult:
        """Count a click. Vote, state and audit are one transaction; the answer is its result."""
        seen = await self._store.load(click.request_id)
        terms = self._terms(seen) if seen else Terms()
        members = await self._groups.members(terms.groups)
        async with self._store.transaction() as transaction:
            request = await transaction.load(click.request_id)
            verdict = self._verdict(click, request, terms, members)
            if request is not None:
                request = await self._carry_out(transaction, click, request, verdict)
            await transaction.record(self._click_entry(click, verdict, terms))
        if request is not None:
            self._engine.wake(request.id)
        return ClickResult(verdict, request)

    def _terms(self, request: BackupRequest) -> Terms:
        """Today's terms: rights are checked when the click arrives."""
        if request.instance is None:
            return request.terms or Terms()
        return self._policy.terms_for(request.instance.name, request.instance.id)

    def _verdict(
        self,
        click: Click,
        request: BackupRequest | None,
        terms: Terms,
        members: Mapping[str, frozenset[str] | None],
    ) -> Verdict:
        if request is None:
            return Verdict.UNKNOWN_REQUEST
        if click.team_id not in ("", request.team_id):  # an org-wide install names no team
            return Verdict.OTHER_WORKSPACE
        if request.state is RequestState.EXPIRED:
            return Verdict.EXPIRED
        if request.state is not RequestState.AWAITING_APPROVAL:
            return Verdict.ALREADY_DECIDED
        if request.expires_at and self._clock.now() >= request.expires_at:
            return Verdict.EXPIRED
        if click.choice is Choice.REJECT:
            decision = decide_rejection(
                terms, requester=request.requester, user=click.user_id, members=members
            )
        else:
            decision = decide_approval(
                terms,
                requester=request.requester,
                approved_by=request.approvers,
                user=click.user_id,
                members=members,
            )
        return decision.verdict

    async def _carry_out(
        self, transaction: Transaction, click: Click, request: BackupRequest, verdict: Verdict
    ) -> BackupRequest:
        now = self._clock.now()
        vote = Vote(user_id=click.user_id, choice=click.choice, at=now)
        match verdict:
            case Verdict.COUNTED:
                return await transaction.vote(request, vote)
            case Verdict.DECIDED:
                to = (
                    RequestState.APPROVED
                    if click.choice is Choice.APPROVE
                    else RequestState.REJECTED
                )
                voted = await transaction.vote(request, vote)
                return await transaction.move(voted, to, decided_at=now)
            case Verdict.EXPIRED if request.state is RequestState.AWAITING_APPROVAL:
                return await transaction.move(request, RequestState.EXPIRED, decided_at=now)
            case _:
                return request

    def _click_entry(self, click: Click, verdict: Verdict, terms: Terms) -> AuditEntry:
        if verdict in (Verdict.DECIDED, Verdict.COUNTED):
            approved = click.choice is Choice.APPROVE
            action = AuditAction.APPROVED if approved else AuditAction.REJECTED
        else:
            action = AuditAction.CLICK_REFUSED
        return AuditEntry(
            at=self._clock.now(),
            request_id=click.request_id[:LONGEST_ID],
            actor=click.user_id,
            action=action,
            detail={"choice": click.choice, "verdict": verdict},
            rule=terms.rule,
        )
