"""A request: what was requested, what people decided, and its outcome."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import model_validator

from bot.domain.attempts import Attempt
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.error_codes import code_of, current_code, current_fields, error_of, fields_of
from bot.domain.errors import GaveUp, NameTaken, RdsRefused, RefusalReason, UserError
from bot.domain.frozen import Frozen
from bot.domain.instances import Instance
from bot.domain.keeping import NOTICE
from bot.domain.naming import free_name
from bot.domain.policy import Policy, Terms
from bot.domain.progress import History
from bot.domain.states import SENDING, TRANSITIONS, RequestState, Retention

PROMPT = timedelta(minutes=1)  # most backups start sooner and then can't be withdrawn


class Kind(StrEnum):
    """What is requested."""

    CREATE = "create"
    DELETE = "delete"


class Choice(StrEnum):
    """What a person can choose for a waiting request."""

    APPROVE = "approve"
    REJECT = "reject"  # with a reason
    WITHDRAW = "withdraw"  # their own
    BREAK_GLASS = "break_glass"  # start without approval, with a reason

    @property
    def wants_reason(self) -> bool:
        return self in (Choice.REJECT, Choice.BREAK_GLASS)


class Vote(Frozen):
    """One person's choice for one request."""

    user_id: str
    choice: Choice
    at: datetime
    reason: str = ""


class Refusal(Frozen):
    """Why a request was refused: an error of `errors.py` in storable form."""

    code: str
    fields: dict[str, Any]  # what it was raised with

    @classmethod
    def of(cls, error: UserError | RdsRefused) -> Self:
        return cls(code=code_of(error), fields=fields_of(error))

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_release(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        code = current_code(value["kind"]) if "kind" in value else value["code"]
        return {"code": code, "fields": current_fields(value["fields"])}

    @property
    def error(self) -> UserError | RdsRefused:
        """The error, as it was raised."""
        return error_of(self.code, self.fields)


class BackupRequest(Frozen):
    """One request as it is stored. Immutable: a change makes a new value."""

    id: str
    trigger_id: str  # Slack's, unique, so that a command delivered twice is one request
    team_id: str
    channel_id: str  # where it was requested
    card_channel_id: str  # where its card is
    requester: str
    response_url: str | None
    reference: str  # the instance as it was typed
    name: str
    description: str
    state: RequestState
    asked_at: datetime
    kind: Kind = Kind.CREATE
    keep: timedelta | None = None  # delete the backup after this; None: never
    thread_ts: str | None = None  # of the thread where it was requested, if any

    instance: Instance | None = None  # None until it is looked up
    history: History = History()
    terms: Terms | None = None
    expires_at: datetime | None = None
    votes: tuple[Vote, ...] = ()
    decided_at: datetime | None = None

    started_at: datetime | None = None  # when RDS accepted it
    backup_id: str | None = None
    adopted: bool = False  # found by name after an unknown outcome
    finished_at: datetime | None = None
    size_kb: int | None = None
    took: timedelta | None = None
    retention: Retention | None = None  # of a completed backup with a `keep`
    warned_at: datetime | None = None  # when its deletion was announced
    kept_by: str | None = None
    refusal: Refusal | None = None
    rds_request_id: str | None = None
    attempt: Attempt | None = None  # to start or delete it

    def moved(self, to: RequestState, **changes: object) -> Self:
        """Return this request in another state. Raises ValueError if TRANSITIONS forbids it."""
        if to not in TRANSITIONS[self.state]:
            raise ValueError(f"a request that is {self.state} cannot become {to}")
        return self.model_copy(update={"state": to, **changes})

    @property
    def is_moving(self) -> bool:
        """Whether its card changes as time goes by."""
        return self.state is RequestState.RUNNING

    @property
    def awaits_people(self) -> bool:
        """Whether its card is posted again if someone deletes it."""
        return self.state is RequestState.AWAITING_APPROVAL

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved, in order."""
        return tuple(vote.user_id for vote in self.votes if vote.choice is Choice.APPROVE)

    def vote(self, choice: Choice) -> Vote | None:
        """Return the first vote for this choice; only approvals can have several."""
        return next((vote for vote in self.votes if vote.choice is choice), None)

    @property
    def decided(self) -> datetime:
        """When it was decided, or requested if no approval was needed."""
        return self.decided_at or self.asked_at

    @property
    def is_in_doubt(self) -> bool:
        """Whether RDS may have done it, or may still do it, without the bot knowing."""
        if self.attempt is None:  # of an older release
            return self.state in SENDING
        return self.attempt.in_doubt_since is not None

    def can_be_withdrawn(self, now: datetime) -> bool:
        """Return whether it can still be withdrawn, even after approval if RDS is slow."""
        if self.state is RequestState.AWAITING_APPROVAL:
            return self.terms is not None
        if self.state in SENDING and self.attempt and not self.attempt.accepted:
            return self.attempt.in_trouble or now - self.attempt.since >= PROMPT
        return self.state is RequestState.SUBMITTED

    @property
    def is_being_sent(self) -> bool:
        """Whether calls to start or delete it are being sent."""
        return self.state in SENDING or self.retention is Retention.DELETING

    @property
    def is_stopped(self) -> bool:
        """Whether it was withdrawn while calls to RDS were being sent."""
        return self.state in SENDING and self.vote(Choice.WITHDRAW) is not None

    def under(self, policy: Policy) -> Self:
        """Return a waiting request with the policy's current terms, for checking a click.

        Its expiry stays as announced.
        """
        if self.state is not RequestState.AWAITING_APPROVAL or not (self.instance and self.terms):
            return self
        today = self.terms_in(policy, self.instance)
        kept = {"expires_after": self.terms.expires_after}
        return self.model_copy(update={"terms": today.model_copy(update=kept)})

    def terms_in(self, policy: Policy, instance: Instance) -> Terms:
        """Return the policy's terms; a deletion can't be started without approval."""
        terms = policy.terms_for(instance.name, instance.id, instance.project)
        if self.kind is Kind.CREATE:
            return terms
        return terms.model_copy(update={"break_glass": ()})

    @property
    def deleted_after(self) -> datetime | None:
        """When a completed backup is deleted automatically, unless someone keeps it."""
        if self.keep is None or self.finished_at is None:
            return None
        announced = self.warned_at + NOTICE if self.warned_at else self.finished_at
        return max(self.finished_at + self.keep, announced)

    @property
    def waits_since(self) -> datetime | None:
        """When the request was posted for approval."""
        if self.terms is None or self.expires_at is None:
            return None
        return self.expires_at - self.terms.expires_after

    @property
    def next_name(self) -> str:
        """The name for requesting it again; a new one if RDS may still use the old one."""
        refused = self.refusal.error if self.refusal else None
        taken = isinstance(refused, NameTaken | GaveUp) or (
            isinstance(refused, RdsRefused) and refused.reason is RefusalReason.NAME_TAKEN
        )
        if taken or self.state in (RequestState.FAILED, RequestState.LOST):
            return free_name(self.name, {self.name})
        return self.name

    @property
    def instance_name(self) -> str:
        """The instance's label, or what was typed if it isn't looked up yet."""
        return self.instance.label if self.instance else self.reference

    @property
    def in_rds(self) -> tuple[str, str]:
        """The IDs of its instance and backup. Raises LookupError without a backup."""
        if self.instance is None or self.backup_id is None:
            raise LookupError(f"request {self.id} names no backup")
        return self.instance.id, self.backup_id

    @property
    def backup_on_trail(self) -> dict[str, str]:
        """Its backup, as audit entries name it."""
        return {"name": self.name, "backup_id": self.backup_id or ""}

    def on_trail(
        self, action: AuditAction, *, at: datetime, actor: str, detail: Mapping[str, str]
    ) -> AuditEntry:
        """Return the audit entry of something done to this request."""
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
