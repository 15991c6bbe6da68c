"""The use cases: the one door that handlers knock on."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.clock import Clock
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.clicks import Click, ClickResult, entry, judge
from bot.domain.commands import CreateBackup, free_name
from bot.domain.errors import NameTaken, RdsUnreachable
from bot.domain.instances import Instance
from bot.domain.policy import Members, Policy, Terms, Verdict
from bot.domain.requests import BackupRequest, Choice, RequestState, Vote

# An ack is due after 3 s; what RDS has not said by then is looked up afterwards.
PATIENCE = 1.5
GROUPS_PATIENCE = 2.5  # seconds, however many clicks wait for Slack's answer at once


class Conflict(Exception):
    """Another row already has what must be unique, or has moved on; nothing was written."""


class Transaction(Protocol):
    """One unit of work: all of it is on disk when its block ends, or none of it."""

    async def insert(self, *new: BackupRequest) -> None: ...
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


class Intake(Protocol):
    """The way on to disk for what is new, many at a time. Raises Conflict and StoreUnavailable."""

    async def write(self, request: BackupRequest, entry: AuditEntry) -> None: ...


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


class Backups:
    """Ask for a backup; approve or reject one."""

    def __init__(
        self,
        *,
        store: Store,
        intake: Intake,
        catalogue: Catalogue,
        policy: Policy,
        groups: Groups,
        engine: Engine,
        clock: Clock,
    ) -> None:
        self._store = store
        self._intake = intake
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
            await self._intake.write(
                request,
                AuditEntry(
                    at=request.asked_at,
                    request_id=request.id,
                    actor=asked.user_id,
                    action=AuditAction.ASKED,
                    detail={"instance": create.instance, "name": create.name},
                ),
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
        members = await self._members(click.request_id)
        try:
            result = await self._count(click, members)
        except Conflict:  # somebody was faster: a second look sees what they did
            result = await self._count(click, members)
        if result.request is not None:
            self._engine.wake(result.request.id)
        return result

    async def _members(self, request_id: str) -> Members:
        """Who is in the approvers' groups, asked before anything is locked.

        Of what is not told in time nothing is known, which lets nobody approve.
        """
        request = await self._store.load(request_id)
        if request is None or request.state is not RequestState.AWAITING_APPROVAL:
            return {}
        terms = self._today(request).terms or Terms()
        try:
            async with asyncio.timeout(GROUPS_PATIENCE):
                return await self._groups.members(terms.groups)
        except TimeoutError:
            return {}

    async def _count(self, click: Click, members: Members) -> ClickResult:
        async with self._store.transaction() as transaction:
            request = await transaction.load(click.request_id)
            now = self._clock.now()
            if request is None:
                verdict = Verdict.UNKNOWN_REQUEST
            else:
                request = self._today(request)
                verdict = judge(click, request, members, now)
                request = await _carry_out(transaction, click, request, verdict, now)
            await transaction.record(entry(click, verdict, request, now))
        return ClickResult(verdict, request)

    def _today(self, request: BackupRequest) -> BackupRequest:
        """While it waits, under today's terms: rights are checked when the click arrives."""
        if request.state is not RequestState.AWAITING_APPROVAL or request.instance is None:
            return request
        terms = self._policy.terms_for(request.instance.name, request.instance.id)
        return request.model_copy(update={"terms": terms})


async def _carry_out(
    transaction: Transaction, click: Click, request: BackupRequest, verdict: Verdict, now: datetime
) -> BackupRequest:
    if verdict not in (Verdict.COUNTED, Verdict.DECIDED):
        return request
    vote = Vote(user_id=click.user_id, choice=click.choice, at=now)
    voted = await transaction.vote(request, vote)
    if verdict is Verdict.COUNTED:
        return voted
    approved = click.choice is Choice.APPROVE
    to = RequestState.APPROVED if approved else RequestState.REJECTED
    return await transaction.move(voted, to, decided_at=now, terms=request.terms)
