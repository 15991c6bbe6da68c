"""The use cases: the one door that handlers knock on."""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.clicks import STATES, Click, ClickResult, entry, judge
from bot.domain.commands import CreateBackup, free_name
from bot.domain.decisions import (
    Decision,
    Verdict,
)
from bot.domain.errors import (
    NameTaken,
    RdsError,
    RdsUnreachable,
    StoreUnavailable,
    UserError,
)
from bot.domain.instances import Instance
from bot.domain.policy import Members, Policy, Terms
from bot.domain.requests import CARD, BackupRequest, Choice, RequestState, Vote
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
        detail = {"name": create.name, "description": create.description}
        if again:
            detail["again"] = again
        try:
            found = await self._found(create.instance)
            trail = _asked(request, AuditAction.ASKED, detail, found)
            await self._intake.write(request, trail)
        except Conflict:
            return await self._asked_before(request, detail)
        except StoreUnavailable:
            raise  # there is nowhere to note it, and no time to try
        except (UserError, RdsError) as error:
            await self._note_refusal(request, detail, error)
            raise
        self._engine.begin(request.id)
        return request

    async def _found(self, reference: str) -> Instance | None:
        with suppress(RdsUnreachable):  # slow is not wrong: the lifecycle takes its time
            return await self._catalogue.find(reference, PATIENCE)
        return None

    async def _asked_before(self, request: BackupRequest, detail: dict[str, str]) -> BackupRequest:
        """The request that this command made already; raises NameTaken if it is another's."""
        if same := await self._store.asked_by(request.trigger_id):
            return same
        other = await self._store.open_named(request.name)
        error = NameTaken(
            request.name,
            free_name(request.name, {request.name}),
            other.requester if other else None,
        )
        await self._note_refusal(request, detail, error)
        raise error

    async def _note_refusal(
        self, request: BackupRequest, detail: dict[str, str], error: Exception
    ) -> None:
        """Nothing is stored of a refused command, but that it was refused."""
        detail = detail | {"error": type(error).__name__}
        refused = _asked(request, AuditAction.ASK_REFUSED, detail, None)
        with suppress(StoreUnavailable):
            await self._record(refused.model_copy(update={"request_id": None}))

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


def _asked(
    request: BackupRequest, action: AuditAction, detail: dict[str, str], found: Instance | None
) -> AuditEntry:
    entry = request.on_trail(action, at=request.asked_at, actor=request.requester, detail=detail)
    known = {"instance": found.name, "instance_id": found.id} if found else {}
    return entry.model_copy(update=known)
