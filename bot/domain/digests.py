"""The regular summary of a channel: what it holds, and when it is due."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.assessment import is_fresh
from bot.domain.frozen import Frozen
from bot.domain.incidents import Incident, IncidentKind
from bot.domain.instances import BackupStatus, begun
from bot.domain.observations import Observed, old_manual
from bot.domain.requests import BackupRequest
from bot.domain.topics import ChannelTopic
from bot.domain.watches import UNREAD_AFTER, Limits

TREND = 10  # sizes
DAYS = 7  # of sizes, day by day: by default RDS keeps automated backups for so long
EXPIRES_SOON = timedelta(days=14)
LATE = timedelta(hours=1)
Pace = Literal["off", "daily", "weekly"]


class Schedule(Frozen):
    """When a channel gets its digest, in its own time zone."""

    pace: Pace = "off"
    at: time = time(9, 0)
    day: int = 1  # of the week, Monday is 1; only for a weekly one
    timezone: str = "UTC"

    def next_after(self, now: datetime) -> datetime | None:
        """Return the next time, in UTC; None if there is none.

        A local time that daylight saving skips is an hour later; one that comes twice is its
        first.
        """
        if self.pace == "off":
            return None
        zone = ZoneInfo(self.timezone)
        day = now.astimezone(zone).date() - timedelta(days=1)
        while True:
            due = datetime.combine(day, self.at, zone).astimezone(UTC)
            if due > now and (self.pace == "daily" or day.isoweekday() == self.day):
                return due
            day += timedelta(days=1)


class DigestRow(Frozen):
    """One instance."""

    name: str
    last_good: datetime | None = None
    is_fresh: bool = False
    size_kb: int | None = None
    sizes_kb: tuple[int, ...] = ()  # of the last ten backups, oldest first
    recoverable_until: datetime | None = None
    old_manual: int = 0  # manual backups older than 90 days
    old_manual_kb: int = 0
    instance_id: str = ""
    oldest_manual: str = ""  # the name of the oldest of them
    failed: int = 0  # backups since the digest before
    daily_kb: tuple[int, ...] = ()  # of the last backup as of each of the last seven days


class Expiry(Frozen):
    """A backup that is deleted automatically, and when."""

    instance_name: str
    name: str
    at: datetime
    size_kb: int | None = None
    is_last_good: bool = False  # RDS deletes it, and there is no newer one


class DigestIncident(Frozen):
    """One incident that is open, or ended since the digest before."""

    kind: IncidentKind
    instance_name: str
    opened_at: datetime
    ended_at: datetime | None = None


class Digest(ChannelTopic):
    """One digest, as it was when it was made."""

    due_at: datetime
    made_at: datetime
    rows: tuple[DigestRow, ...] = ()
    incidents: tuple[DigestIncident, ...] = ()
    read: int = 0  # instances that were read lately
    oldest_read: datetime | None = None
    expiring: tuple[Expiry, ...] = ()  # soonest first

    @property
    def fresh(self) -> int:
        """How many instances have a backup within the limit."""
        return sum(row.is_fresh for row in self.rows)

    @property
    def is_late(self) -> bool:
        """Whether it comes late, because the bot was down when it was due."""
        return self.made_at - self.due_at >= LATE


def row_of(known: Observed, limits: Limits, since: datetime, now: datetime) -> DigestRow:
    """Return an instance's row; `since` is when the digest before was due."""
    last = known.last_good
    sizes = [b.size_kb for b in reversed(known.completed[:TREND]) if b.size_kb]
    old = old_manual(known, now)
    recent = [b for b in known.full if b.begin_time and begun(b) > since]
    oldest = min(old, key=begun, default=None)
    return DigestRow(
        name=known.label,
        instance_id=known.instance_id,
        oldest_manual=oldest.name if oldest else "",
        last_good=begun(last) if last else None,
        is_fresh=is_fresh(known, limits, now),
        size_kb=last.size_kb if last else None,
        sizes_kb=tuple(sizes),
        recoverable_until=known.recoverable_until,
        old_manual=len(old),
        old_manual_kb=sum(b.size_kb or 0 for b in old),
        failed=sum(b.status == BackupStatus.FAILED for b in recent),
        daily_kb=_daily(known, now),
    )


def _daily(known: Observed, now: datetime) -> tuple[int, ...]:
    """Return the size of the last backup as of each day, oldest first; empty if one is unknown."""
    days = [now - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    last = [next((b for b in known.completed if begun(b) <= day), None) for day in days]
    sizes = [backup.size_kb for backup in last if backup and backup.size_kb]
    return tuple(sizes) if len(sizes) == DAYS else ()


def _expiring(
    watched: Iterable[Observed], kept: Iterable[BackupRequest], now: datetime
) -> Iterator[Expiry]:
    """Yield the manual backups that this bot deletes soon, and last backups that RDS deletes."""
    names = {known.instance_id: known.label for known in watched}
    for request in kept:
        name = names.get(request.instance.id) if request.instance else None
        if name is not None and request.deleted_after:
            yield Expiry(
                instance_name=name,
                name=request.name,
                at=max(request.deleted_after, now),
                size_kb=request.size_kb,
            )


def _last_good_expiring(
    watched: Iterable[tuple[Observed, Limits]], now: datetime
) -> Iterator[Expiry]:
    """Yield the last backups of instances without a recent one, if RDS deletes them."""
    for known, limits in watched:
        last = known.last_good
        if last and last.type == "auto" and known.keep_days and not is_fresh(known, limits, now):
            yield Expiry(
                instance_name=known.label,
                name=last.name,
                at=max(begun(last) + timedelta(days=known.keep_days), now),
                size_kb=last.size_kb,
                is_last_good=True,
            )


def digest_of(
    digest: Digest,
    watched: Sequence[tuple[Observed, Limits]],
    incidents: Sequence[Incident],
    since: datetime,
    kept: Iterable[BackupRequest] = (),
) -> Digest:
    """Return the digest with its content; the instances that need attention come first.

    `kept` are the requests whose backups this bot deletes when their time is over.
    """
    now = digest.made_at
    rows = [row_of(known, limits, since, now) for known, limits in watched]
    troubled = {incident.instance_name for incident in incidents if incident.is_open}
    rows.sort(key=lambda row: (row.name not in troubled, row.is_fresh, row.name))
    soon = [*_expiring([known for known, _ in watched], kept, now)]
    soon += _last_good_expiring(watched, now)
    expiring = [one for one in soon if one.at - now <= EXPIRES_SOON]
    reads = [known.read_at for known, _ in watched if known.read_at]
    return digest.model_copy(
        update={
            "rows": tuple(rows),
            "incidents": tuple(
                DigestIncident(
                    kind=incident.kind,
                    instance_name=incident.instance_name,
                    opened_at=incident.opened_at,
                    ended_at=incident.ended_at,
                )
                for incident in incidents
            ),
            "read": sum(now - at <= UNREAD_AFTER for at in reads),
            "oldest_read": min(reads, default=None),
            "expiring": tuple(sorted(expiring, key=lambda one: (one.at, one.name))),
        }
    )
