"""A request: what was asked, what people chose, and what came of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from bot.domain.attempts import Attempt
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.error_codes import code_of, current_code, current_fields, error_of, fields_of
from bot.domain.errors import GaveUp, NameTaken, RdsRefused, RefusalReason, UserError
from bot.domain.instances import Instance
from bot.domain.keeping import NOTICE
from bot.domain.naming import free_name
from bot.domain.policy import Policy, Terms
from bot.domain.progress import History
from bot.domain.states import SENDING, TRANSITIONS, RequestState, Retention

PROMPT = timedelta(minutes=1)  # RDS starts most backups sooner, so nobody can withdraw them


class Kind(StrEnum):
    """What is asked for."""

    CREATE = "create"
    DELETE = "delete"


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

    code: str
    fields: dict[str, Any]  # what it was raised with

    @classmethod
    def of(cls, error: UserError | RdsRefused) -> Self:
        return cls(code=code_of(error), fields=fields_of(error))

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_release(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "kind" not in value:
            return value
        return {"code": current_code(value["kind"]), "fields": current_fields(value["fields"])}

    @property
    def error(self) -> UserError | RdsRefused:
        """The error again, as it was raised."""
        return error_of(self.code, self.fields)


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
    attempt: Attempt | None = None  # to start, or to delete it

    def moved(self, to: RequestState, **changes: object) -> Self:
        """This request in another state. Raises ValueError for a way that does not exist."""
        if to not in TRANSITIONS[self.state]:
            raise ValueError(f"a request that is {self.state} cannot become {to}")
        return self.model_copy(update={"state": to, **changes})

    def concerns(self, team_id: str) -> bool:
        """Whether it belongs to this workspace; an org-wide install names none."""
        return team_id in ("", self.team_id)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved, in order."""
        return tuple(vote.user_id for vote in self.votes if vote.choice is Choice.APPROVE)

    def vote(self, choice: Choice) -> Vote | None:
        """The first vote for this choice; of all but an approval there is at most one."""
        return next((vote for vote in self.votes if vote.choice is choice), None)

    @property
    def decided(self) -> datetime:
        """When it was decided, or asked for where nobody had to."""
        return self.decided_at or self.asked_at

    @property
    def is_in_doubt(self) -> bool:
        """Whether RDS may have done it, or may still do it, without telling."""
        if self.attempt is None:  # of an older release
            return self.state in SENDING
        return self.attempt.in_doubt_since is not None

    def can_be_withdrawn(self, now: datetime) -> bool:
        """Whether its requester can still stop it: also after the approval, if RDS takes long."""
        if self.state is RequestState.AWAITING_APPROVAL:
            return self.terms is not None
        if self.state in SENDING and self.attempt and not self.attempt.accepted:
            return self.attempt.in_trouble or now - self.attempt.since >= PROMPT
        return self.state is RequestState.SUBMITTED

    @property
    def is_being_sent(self) -> bool:
        """Whether RDS is being asked to start, or to delete it."""
        return self.state in SENDING or self.retention is Retention.DELETING

    @property
    def is_stopped(self) -> bool:
        """Whether its requester withdrew it while RDS was being asked to do it."""
        return self.state in SENDING and self.vote(Choice.WITHDRAW) is not None

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
        taken = isinstance(refused, NameTaken | GaveUp) or (
            isinstance(refused, RdsRefused) and refused.reason is RefusalReason.NAME_TAKEN
        )
        if taken or self.state in (RequestState.FAILED, RequestState.LOST):
            return free_name(self.name, {self.name})
        return self.name

    @property
    def instance_name(self) -> str:
        """The instance's name, or what was typed while it is not looked up."""
        return self.instance.name if self.instance else self.reference

    @property
    def in_rds(self) -> tuple[str, str]:
        """The ids of its instance and its backup. Raises LookupError while there is no backup."""
        if self.instance is None or self.backup_id is None:
            raise LookupError(f"request {self.id} names no backup")
        return self.instance.id, self.backup_id

    @property
    def backup_on_trail(self) -> dict[str, str]:
        """What the audit trail calls its backup."""
        return {"name": self.name, "backup_id": self.backup_id or ""}

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
            rule=str(self.terms.rule) if self.terms else None,
            instance=self.instance_name,
            instance_id=self.instance.id if self.instance else None,
        )
