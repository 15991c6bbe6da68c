"""A backup request: what was asked, where it stands, and which way it may go."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bot.domain import errors
from bot.domain.errors import RdsRefused, RefusalReason, UserError
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.progress import History


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
    REFUSED = "refused"  # RDS, or a check before it, would not start it
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return not TRANSITIONS[self]


_S = RequestState
TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    _S.ASKED: frozenset({_S.AWAITING_APPROVAL, _S.APPROVED, _S.REFUSED}),
    _S.AWAITING_APPROVAL: frozenset({_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.REFUSED}),
    _S.APPROVED: frozenset({_S.CREATING, _S.REFUSED}),
    _S.CREATING: frozenset({_S.RUNNING, _S.REFUSED}),
    _S.RUNNING: frozenset({_S.COMPLETED, _S.FAILED, _S.LOST}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.LOST: frozenset(),
    _S.REFUSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
}


OPEN_STATES = frozenset(state for state in RequestState if TRANSITIONS[state])


class Choice(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class Vote(BaseModel):
    """One person's choice on one request."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    choice: Choice
    at: datetime


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

    @property
    def rejecter(self) -> str | None:
        """Who rejected it, if somebody did."""
        return next((vote.user_id for vote in self.votes if vote.choice is Choice.REJECT), None)

    @property
    def instance_name(self) -> str:
        """The instance's name, or what was typed while it is not looked up."""
        return self.instance.name if self.instance else self.reference


class Line(StrEnum):
    """A reply in the request's thread; each is said at most once a request."""

    APPROVED = "approved"  # by whom; it starts now
    BUSY = "busy"  # RDS does something else with the instance; it starts when that is over
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS did not answer the create; looking the name up
    STARTED = "started"  # RDS accepted it, or it was found by name (`request.adopted`)
    OVERDUE = "overdue"  # it takes longer than usual
    ENDED = "ended"  # the final state, whichever it is
