"""The regular summary of a channel: what it holds, and when it is due."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from bot.domain.assessment import is_fresh
from bot.domain.incidents import Incident, IncidentKind
from bot.domain.instances import BackupStatus, begun
from bot.domain.observations import Observed, old_manual
from bot.domain.topics import ChannelTopic
from bot.domain.watches import UNREAD_AFTER, Limits

TREND = 10  # sizes
LATE = timedelta(hours=1)
Pace = Literal["off", "daily", "weekly"]


class Schedule(BaseModel):
    """When a channel gets its digest, in its own time zone."""

    model_config = ConfigDict(frozen=True)

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


class DigestRow(BaseModel):
    """One instance."""

    model_config = ConfigDict(frozen=True)

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


class DigestIncident(BaseModel):
    """One incident that is open, or ended since the digest before."""

    model_config = ConfigDict(frozen=True)

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
        name=known.name,
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
    )


def digest_of(
    digest: Digest,
    watched: Sequence[tuple[Observed, Limits]],
    incidents: Sequence[Incident],
    since: datetime,
) -> Digest:
    """Return the digest with its content; the instances that need attention come first."""
    now = digest.made_at
    rows = [row_of(known, limits, since, now) for known, limits in watched]
    troubled = {incident.instance_name for incident in incidents if incident.is_open}
    rows.sort(key=lambda row: (row.name not in troubled, row.is_fresh, row.name))
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
        }
    )
