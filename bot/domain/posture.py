"""How well an instance is protected: named controls that pass, fail, or are unknown."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.domain.assessment import is_fresh
from bot.domain.instances import BackupStatus, begun
from bot.domain.observations import Observed, old_manual
from bot.domain.policy import Terms
from bot.domain.watches import Limits

LEAST_DAYS = 7  # that automated backups are to be kept
RECENTLY = timedelta(days=7)


class Verdict(StrEnum):
    """What a control says. Unknown isn't a pass."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105, a verdict


class Control(StrEnum):
    """One thing that should be so, most important first."""

    AUTOMATED = "automated"  # automated backups are on
    FRESH = "fresh"  # the last successful full backup is within the limit
    RECOVERY = "recovery"  # point-in-time recovery is within its limit
    NO_FAILURES = "no_failures"  # no backup has failed for a week
    KEPT = "kept"  # automated backups are kept for at least a week
    WATCHED = "watched"  # a channel hears about it
    GUARDED = "guarded"  # deleting a backup needs approval
    OWNED = "owned"  # the policy names its channel
    OLD_MANUAL = "old_manual"  # no manual backup is older than 90 days
    OFFSITE = "offsite"  # backups are copied to another region


class Check(NamedTuple):
    """A control's verdict; `value` is what was found, if it is a number, a time, or a region."""

    control: Control
    verdict: Verdict
    value: int | datetime | str | None = None


class Posture(NamedTuple):
    """All checks of one instance, and when its backups were read (None: never)."""

    instance_name: str
    checks: Sequence[Check]
    read_at: datetime | None

    def count(self, verdict: Verdict) -> int:
        """Return how many checks say so."""
        return sum(check.verdict is verdict for check in self.checks)


def posture_of(
    known: Observed, limits: Limits, terms: Terms, now: datetime, *, is_watched: bool
) -> Posture:
    """Return how well an instance is protected, as far as it is known."""
    checks = [
        _automated(known),
        _fresh(known, limits, now),
        _recovery(known, limits, now),
        _no_failures(known, now),
        _kept(known),
        Check(Control.WATCHED, _passes(is_watched)),
        Check(Control.GUARDED, _passes(terms.approvals > 0), terms.approvals),
        Check(Control.OWNED, _passes(terms.channel is not None)),
        _old_manual(known, now),
        _offsite(known),
    ]
    return Posture(known.label, checks, known.read_at)


def _passes(is_so: bool) -> Verdict:  # noqa: FBT001, it is the verdict
    return Verdict.PASS if is_so else Verdict.FAIL


def _automated(known: Observed) -> Check:
    if known.keep_days is None:
        return Check(Control.AUTOMATED, Verdict.UNKNOWN)
    return Check(Control.AUTOMATED, _passes(known.keep_days > 0))


def _kept(known: Observed) -> Check:
    if known.keep_days is None:
        return Check(Control.KEPT, Verdict.UNKNOWN)
    return Check(Control.KEPT, _passes(known.keep_days >= LEAST_DAYS), known.keep_days)


def _fresh(known: Observed, limits: Limits, now: datetime) -> Check:
    if known.read_at is None:
        return Check(Control.FRESH, Verdict.UNKNOWN)
    last = known.last_good
    fresh = _passes(is_fresh(known, limits, now))
    return Check(Control.FRESH, fresh, begun(last) if last else None)


def _recovery(known: Observed, limits: Limits, now: datetime) -> Check:
    newest = known.recoverable_until
    if newest is None:
        return Check(Control.RECOVERY, Verdict.UNKNOWN)
    return Check(Control.RECOVERY, _passes(now - newest <= limits.recovery_within), newest)


def _no_failures(known: Observed, now: datetime) -> Check:
    if known.read_at is None:
        return Check(Control.NO_FAILURES, Verdict.UNKNOWN)
    failed = [
        b for b in known.full if b.status == BackupStatus.FAILED and now - begun(b) <= RECENTLY
    ]
    return Check(Control.NO_FAILURES, _passes(not failed), len(failed))


def _offsite(known: Observed) -> Check:
    if known.copies_to is None:
        return Check(Control.OFFSITE, Verdict.UNKNOWN)
    return Check(Control.OFFSITE, _passes(known.copies_to != ""), known.copies_to)


def _old_manual(known: Observed, now: datetime) -> Check:
    if known.manual_read_at is None:
        return Check(Control.OLD_MANUAL, Verdict.UNKNOWN)
    old = old_manual(known, now)
    return Check(Control.OLD_MANUAL, _passes(not old), len(old))
