"""A backup request: what was asked, where it stands, and which way it may go."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bot.domain import errors
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.errors import NameTaken, RdsRefused, RefusalReason, UserError
from bot.domain.instances import Instance
from bot.domain.keeping import NOTICE
from bot.domain.naming import free_name
from bot.domain.policy import Policy, Terms
from bot.domain.progress import History


class Kind(StrEnum):
    """What is asked for."""

    CREATE = "create"
    DELETE = "delete"


class RequestState(StrEnum):
    """Ours; RDS's own words for a backup are `BackupStatus`."""

    ASKED = "asked"  # on disk; not yet looked up in RDS
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    CREATING = "creating"  # a create may have been sent
    RUNNING = "running"  # RDS accepted it
    COMPLETED = "completed"
    FAILED = "failed"  # RDS says FAILED
    LOST = "lost"  # the backup vanished from RDS
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"  # RDS lists it no more
    REFUSED = "refused"  # RDS, or a check before it, would not do it
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # by who asked

    @property
    def is_final(self) -> bool:
        return not TRANSITIONS[self]


_S = RequestState
TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    _S.ASKED: frozenset({_S.AWAITING_APPROVAL, _S.APPROVED, _S.REFUSED, _S.WITHDRAWN}),
    _S.AWAITING_APPROVAL: frozenset(
        {_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.WITHDRAWN, _S.REFUSED}
    ),
    _S.APPROVED: frozenset({_S.CREATING, _S.DELETING, _S.REFUSED}),
    _S.CREATING: frozenset({_S.RUNNING, _S.REFUSED}),
    _S.RUNNING: frozenset({_S.COMPLETED, _S.FAILED, _S.LOST}),
    _S.DELETING: frozenset({_S.DELETED, _S.REFUSED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.LOST: frozenset(),
    _S.DELETED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


OPEN_STATES = frozenset(state for state in RequestState if TRANSITIONS[state])


class Retention(StrEnum):
    """What becomes of a backup that was asked for with an end."""

    WARNED = "warned"  # people were told that it will be deleted
    KEPT = "kept"  # somebody said that it stays
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"
    STAYS = "stays"  # RDS does not delete it


class Choice(StrEnum):
    """What somebody can do about a request that waits."""

    APPROVE = "approve"
    REJECT = "reject"  # with a reason
    WITHDRAW = "withdraw"  # their own
    BREAK_GLASS = "break_glass"  # start without approval, with a reason

    @property
    def wants_reason(self) -> bool:
        return self in (Choice.REJECT, Choice.BREAK_GLASS)


class Vote(BaseModel):
    """One person's choice on one request."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    choice: Choice
    at: datetime
    reason: str = ""


class Refusal(BaseModel):
    """Why a request was refused: an error of `errors.py`, as it can be written down."""

    model_config = ConfigDict(frozen=True)

    kind: str  # the error's class
    fields: dict[str, Any]  # what it was raised with

    @classmethod
    def of(cls, error: UserError | RdsRefused) -> Self:
        return cls(kind=type(error).__name__, fields=vars(error))

    @property
    def error(self) -> UserError | RdsRefused:
        """The error again, as it was raised."""
        fields = dict(self.fields)
        if self.kind == RdsRefused.__name__:
            return RdsRefused(RefusalReason(fields.pop("reason")), **fields)
        error: UserError = getattr(errors, self.kind)(**fields)
        return error


class BackupRequest(BaseModel):
    """One request, as the store has it. A changed request is a new value."""

    model_config = ConfigDict(frozen=True)

    id: str
    trigger_id: str  # Slack's, unique: the same command delivered twice is one request
    team_id: str
    channel_id: str  # where it was asked
    card_channel_id: str  # where its card stands
    requester: str
    response_url: str | None
    reference: str  # the instance as it was typed
    name: str
    description: str
    state: RequestState
    asked_at: datetime
    kind: Kind = Kind.CREATE
    keep: timedelta | None = None  # the backup is deleted after so long; None: it stays
    thread_ts: str | None = None  # of the thread in its channel from which it was asked

    instance: Instance | None = None  # None until it is looked up
    history: History = History()
    terms: Terms | None = None
    expires_at: datetime | None = None
    votes: tuple[Vote, ...] = ()
    decided_at: datetime | None = None

    started_at: datetime | None = None  # when RDS accepted it
    backup_id: str | None = None
    backup_status: str | None = None  # as RDS spelt it last
    adopted: bool = False  # found by name after an unknown outcome
    finished_at: datetime | None = None
    size_kb: int | None = None
    took: timedelta | None = None
    retention: Retention | None = None  # of a completed backup that is not kept for ever
    warned_at: datetime | None = None  # of its deletion
    kept_by: str | None = None
    refusal: Refusal | None = None
    rds_request_id: str | None = None

    def moved(self, to: RequestState, **changes: object) -> Self:
        """This request in another state. Raises ValueError for a way that does not exist."""
        if to not in TRANSITIONS[self.state]:
            raise ValueError(f"a request that is {self.state} cannot become {to}")
        return self.model_copy(update={"state": to, **changes})

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved, in order."""
        return tuple(vote.user_id for vote in self.votes if vote.choice is Choice.APPROVE)

    def vote(self, choice: Choice) -> Vote | None:
        """The first vote for this choice; of all but an approval there is at most one."""
        return next((vote for vote in self.votes if vote.choice is choice), None)

    def under(self, policy: Policy) -> Self:
        """While it waits, under today's terms: rights are checked when a click arrives.

        For how long it waits stays as it was promised.
        """
        if self.state is not RequestState.AWAITING_APPROVAL or not (self.instance and self.terms):
            return self
        today = self.terms_in(policy, self.instance)
        kept = {"expires_after": self.terms.expires_after}
        return self.model_copy(update={"terms": today.model_copy(update=kept)})

    def terms_in(self, policy: Policy, instance: Instance) -> Terms:
        """What the policy wants; no emergency is a reason to delete something unseen."""
        terms = policy.terms_for(instance.name, instance.id)
        if self.kind is Kind.CREATE:
            return terms
        return terms.model_copy(update={"break_glass": ()})

    @property
    def deleted_after(self) -> datetime | None:
        """When a completed backup is deleted by itself, unless somebody keeps it."""
        if self.keep is None or self.finished_at is None:
            return None
        announced = self.warned_at + NOTICE if self.warned_at else self.finished_at
        return max(self.finished_at + self.keep, announced)

    @property
    def waits_since(self) -> datetime | None:
        """When people could decide first: RDS had been asked all that the card says."""
        if self.terms is None or self.expires_at is None:
            return None
        return self.expires_at - self.terms.expires_after

    @property
    def next_name(self) -> str:
        """The name to ask for the same again: another one where RDS may keep the old for ever."""
        refused = self.refusal.error if self.refusal else None
        taken = isinstance(refused, NameTaken) or (
            isinstance(refused, RdsRefused) and refused.reason is RefusalReason.NAME_TAKEN
        )
        if taken or self.state in (RequestState.FAILED, RequestState.LOST):
            return free_name(self.name, {self.name})
        return self.name

    @property
    def instance_name(self) -> str:
        """The instance's name, or what was typed while it is not looked up."""
        return self.instance.name if self.instance else self.reference

    def on_trail(
        self, action: AuditAction, *, at: datetime, actor: str, detail: Mapping[str, str]
    ) -> AuditEntry:
        """What the audit trail says of something done to this request."""
        return AuditEntry(
            at=at,
            request_id=self.id,
            actor=actor,
            action=action,
            detail=dict(detail),
            rule=self.terms.rule if self.terms else None,
            instance=self.instance_name,
            instance_id=self.instance.id if self.instance else None,
        )


CARD = "card"  # the card among a request's messages; its lines go by their own names


class Line(StrEnum):
    """A reply in the request's thread; each is said at most once a request and subject."""

    COUNTED = "counted"  # an approval, and more are needed; its subject is who gave it
    REMINDER = "reminder"  # it still waits; its subject is the how manyth it is
    BREAK_GLASS = "break_glass"  # started without approval: by whom and why
    APPROVED = "approved"  # by whom; it starts now
    BUSY = "busy"  # RDS does something else with the instance; it starts when that is over
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS did not answer the create; looking the name up
    STARTED = "started"  # RDS accepted it, or it was found by name (`request.adopted`)
    OVERDUE = "overdue"  # it takes longer than usual
    RDS_AWAY = "rds_away"  # nothing can be found out; its subject is the how manyth time it is
    KEYS_REFUSED = "keys_refused"  # the same, because RDS does not take the bot's own keys
    RDS_BACK = "rds_back"  # that is over
    EXPIRING = "expiring"  # the backup will be deleted tomorrow
    KEPT = "kept"  # it will not: by whom
    BACKUP_DELETED = "backup_deleted"  # by itself, as it was asked for
    STAYS = "stays"  # it was to be deleted, and RDS does not do it
    ENDED = "ended"  # the final state, whichever it is

    def about(self, subject: str) -> str:
        """Under what it is written down that this was said, once a subject."""
        return f"{self}:{subject}" if subject else self.value


POINTER = "pointer"  # in the thread from which it was asked: a link to the card
PUT_OFF = "put_off"  # what the requester alone is told while RDS is away and there is no card
TOLD = "told"  # what the requester alone was told, of a request that never had a card
GIVEN_UP = "given_up"  # neither channel nor requester can be written to: nobody is left to tell
ANNOUNCED = (Line.ENDED.value, TOLD, GIVEN_UP)  # one of these was said of every request that ended
