"""How a channel wants to hear: its time zone, quiet hours, digest, and successes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.digests import Schedule
from bot.domain.frozen import Frozen
from bot.domain.successes import Successes


class Quiet(Frozen):
    """Hours, in the channel's time zone, in which only what can't wait is posted."""

    begin: time
    end: time

    def over_at(self, now: datetime, timezone: str) -> datetime | None:
        """Return when these hours end, in UTC, if it is one of them now."""
        zone = ZoneInfo(timezone)
        local = now.astimezone(zone)
        for day in (local.date() - timedelta(days=1), local.date()):
            begin = datetime.combine(day, self.begin, zone).astimezone(UTC)
            last = day if self.end > self.begin else day + timedelta(days=1)
            end = datetime.combine(last, self.end, zone).astimezone(UTC)
            if begin <= now < end:
                return end
        return None


class Channel(Frozen):
    """One channel's ways."""

    id: str
    digest: Schedule = Schedule()
    quiet: Quiet | None = None
    successes: Successes = "off"

    def not_before(self, now: datetime) -> datetime | None:
        """Return when what can wait may be posted; None: now."""
        return self.quiet.over_at(now, self.digest.timezone) if self.quiet else None

    def next_day(self, now: datetime) -> date:
        """Return its day, in its time zone, once what can wait may be posted."""
        zone = ZoneInfo(self.digest.timezone)
        return (self.not_before(now) or now).astimezone(zone).date()
