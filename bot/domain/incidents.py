"""Incidents: what is wrong with a watched instance, from the deadline that passed to recovery."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.frozen import Frozen
from bot.domain.instances import Backup
from bot.domain.observations import Signal
from bot.domain.topics import ChannelTopic

COMES_BACK = timedelta(hours=2)  # what comes back within this time is the same incident
# What opens three times in a day flaps. It is over after half a day: until then, it still might
# open three times in a day.
FLAP_TIMES, FLAP_WITHIN, CALM_FOR = 3, timedelta(hours=24), timedelta(hours=12)


class IncidentKind(StrEnum):
    """What is wrong."""

    FAILED = "failed"  # a full backup failed, and none succeeded since
    STALE = "stale"  # no successful full backup within the limit
    GAP = "gap"  # point-in-time recovery ends too long ago
    HUNG = "hung"  # a backup has been running for too long
    UNUSUAL_SIZE = "unusual_size"
    UNUSUAL_DURATION = "unusual_duration"
    POLICY_OFF = "policy_off"  # automated backups were switched off
    KEPT_SHORTER = "kept_shorter"  # automated backups are kept for fewer days than before
    DELETED = "deleted"  # someone deleted a manual backup outside the bot
    GONE = "gone"  # RDS no longer lists the instance
    REFUSED = "refused"  # RDS rejects the bot's key or what it may do: nothing is watched
    UNREAD = "unread"  # not read for too long, so its state is unknown


TOPICS = {IncidentKind.FAILED: "backup", IncidentKind.STALE: "backup"}  # one grows into the other
SIGNALS = {
    IncidentKind.UNUSUAL_SIZE: Signal.SIZE,
    IncidentKind.UNUSUAL_DURATION: Signal.DURATION,
}
CAN_BE_EXPECTED = {*SIGNALS, IncidentKind.KEPT_SHORTER}
# Nothing but a person ends these.
ENDS_WHEN_KNOWN = {IncidentKind.DELETED, IncidentKind.GONE, IncidentKind.KEPT_SHORTER}
SUPERSEDED_BY = {IncidentKind.KEPT_SHORTER: IncidentKind.POLICY_OFF}
CAN_WAIT = {
    IncidentKind.UNUSUAL_SIZE,
    IncidentKind.UNUSUAL_DURATION,
    IncidentKind.KEPT_SHORTER,
}
CAN_BACK_UP = {
    IncidentKind.FAILED,
    IncidentKind.STALE,
    IncidentKind.GAP,
    IncidentKind.UNUSUAL_SIZE,
    IncidentKind.POLICY_OFF,
    IncidentKind.DELETED,
}


class Facts(Frozen):
    """What a message says of an incident, as far as it is known."""

    backup: Backup | None = None  # that failed, hangs, is unusual, or was deleted
    last_good: Backup | None = None
    limit: timedelta | None = None
    failures: int = 0  # in a row
    retries: bool = False  # whether RDS has retried it automatically
    is_late: bool = False  # a failed backup, and no good one within the limit either
    recoverable_until: datetime | None = None
    usual_size_kb: int | None = None
    usual: timedelta | None = None
    runs: int = 0  # backups that the usual rests on
    keep_days: int | None = None
    kept_days: int | None = None
    deleted: tuple[Backup, ...] = ()  # the newest of those that were deleted at once
    deletions: int = 0  # how many that were
    deleted_kb: int = 0
    remaining: int | None = None  # manual backups of an instance that is gone
    instances: tuple[str, ...] = ()  # that can't be read
    watched: int = 0  # how many instances the channel watches
    code: str = ""


class Finding(Frozen):
    """Something wrong, since the moment that a limit was passed."""

    kind: IncidentKind
    since: datetime
    subject: str = ""  # a backup's ID where there may be several of one kind
    facts: Facts = Facts()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it apart from the instance's other incidents."""
        return TOPICS.get(self.kind, self.kind.value), self.subject


class Ending(StrEnum):
    """How an incident ended."""

    RECOVERED = "recovered"
    KNOWN = "known"  # someone acknowledged what doesn't recover
    EXPECTED = "expected"  # someone declared it normal
    UNWATCHED = "unwatched"
    SUPERSEDED = "superseded"  # it changed into something else, which is told by itself


class Incident(ChannelTopic):
    """One incident in one channel. Immutable: a change makes a new value."""

    instance_id: str  # "" if it is about all that the channel watches
    instance_name: str = ""
    kind: IncidentKind
    topic: str
    subject: str = ""
    facts: Facts = Facts()
    mention: tuple[str, ...] = ()
    opened_at: datetime  # when the limit was passed
    noticed_at: datetime
    times: int = 1  # how often it came back, and the first time
    openings: tuple[datetime, ...] = ()  # the last few times that it opened
    flapping_since: datetime | None = None  # the first opening, once it opens again and again
    calm_since: datetime | None = None  # nothing has been wrong since; only while it flaps
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    snoozed_by: str | None = None
    snoozed_until: datetime | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None
    ended_by: str | None = None
    version: int = 0  # of its row

    @property
    def key(self) -> tuple[str, str]:
        return self.topic, self.subject

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def last_openings(self) -> tuple[datetime, ...]:
        """When it opened, the last few times."""
        return self.openings or (self.opened_at,)

    @property
    def lasted(self) -> timedelta | None:
        """How long it lasted; None while it is open."""
        return max(self.ended_at - self.opened_at, timedelta()) if self.ended_at else None

    def is_snoozed(self, now: datetime) -> bool:
        """Return whether it is to be quiet."""
        return self.is_open and self.snoozed_until is not None and now < self.snoozed_until

    @property
    def awaits_people(self) -> bool:
        """Whether its message is posted again if someone deletes it."""
        return self.is_open

    def on_trail(
        self, action: AuditAction, *, at: datetime, actor: str, **detail: str
    ) -> AuditEntry:
        """Return the audit entry of something that happened to it."""
        about = {"incident": self.id, "kind": self.kind.value, "channel": self.channel_id}
        return AuditEntry(
            at=at,
            request_id=None,
            actor=actor,
            action=action,
            detail=about | detail,
            instance=self.instance_name or None,
            instance_id=self.instance_id or None,
        )

    def acknowledged(self, by: str, at: datetime) -> Self:
        """Return it with someone who has it; what doesn't recover has ended with that."""
        changes: dict[str, object] = {"acknowledged_by": by, "acknowledged_at": at}
        changes |= {"snoozed_by": None, "snoozed_until": None}
        if self.kind in ENDS_WHEN_KNOWN:
            changes |= {"ended_at": at, "ending": Ending.KNOWN, "ended_by": by}
        return self.model_copy(update=changes)

    def snoozed(self, by: str, until: datetime) -> Self:
        """Return it silenced until then."""
        changes = {"snoozed_by": by, "snoozed_until": until}
        changes |= {"acknowledged_by": None, "acknowledged_at": None}
        return self.model_copy(update=changes)

    def ended(self, at: datetime, ending: Ending, by: str | None = None) -> Self:
        """Return it ended, not before it began."""
        at = max(at, self.opened_at)
        return self.model_copy(update={"ended_at": at, "ending": ending, "ended_by": by})

    def again(self, finding: Finding, at: datetime) -> Self:
        """Return it open again, after it had recovered for a moment."""
        changes: dict[str, object] = {
            "ended_at": None,
            "ending": None,
            "ended_by": None,
            "noticed_at": at,
        }
        changes |= {"kind": finding.kind, "facts": finding.facts, "times": self.times + 1}
        changes |= {"acknowledged_by": None, "acknowledged_at": None}
        changes |= {"snoozed_by": None, "snoozed_until": None}
        changes |= {"openings": self._openings_with(finding)}
        changes |= {"flapping_since": None, "calm_since": None}
        return self.model_copy(update=changes)

    def _openings_with(self, finding: Finding) -> tuple[datetime, ...]:
        return (*self.last_openings, finding.since)[-FLAP_TIMES:]

    def flapping(self, finding: Finding, openings: Sequence[datetime], at: datetime) -> Self:
        """Return it open again, and for as long as it opens again and again."""
        changes: dict[str, object] = {"flapping_since": min(openings)}
        changes |= {"times": max(self.times, len(openings)) + 1}
        return self.again(finding, at).model_copy(update=changes)

    def calm(self, since: datetime) -> Self:
        """Return it open, although nothing is wrong: it flaps."""
        return self.model_copy(update={"calm_since": self.calm_since or since})

    def as_found(self, finding: Finding) -> Self:
        """Return it as it is now."""
        changes: dict[str, object] = {"kind": finding.kind, "facts": finding.facts}
        if self.calm_since is not None:
            changes |= {"calm_since": None, "times": self.times + 1}
            changes |= {"openings": self._openings_with(finding)}
        return self.model_copy(update=changes)


def comes_back(last: Incident, finding: Finding) -> bool:
    """Return whether this is an incident that recovered only for a moment."""
    if last.ended_at is None or last.ending is not Ending.RECOVERED:
        return False
    return finding.since - last.ended_at <= COMES_BACK
