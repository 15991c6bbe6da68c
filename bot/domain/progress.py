"""How long an instance's backups usually take, and when to check a running one again."""

import statistics
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from bot.domain.instances import Backup, BackupStatus

FULL = frozenset({"auto", "manual"})  # types that copy all data, as the bot's backups do
REMEMBERED = 10  # backups; older ones were of a smaller database
NEARLY_DONE = 0.95  # the highest estimate: only RDS says "completed"
OVERDUE_MARGIN = timedelta(minutes=5)
OVERDUE_UNKNOWN = timedelta(hours=1)  # without a history
LONGEST_GAP = 300.0  # seconds between two checks
FIRST_HOUR_GAP = 60.0  # the same, in the first hour of a backup without a history
HOUR = 3600.0


class History(BaseModel):
    """Statistics of an instance's last ten completed full backups.

    `quick` and `slow` are the quartiles of their durations, `usual` is the median. All None if
    there are none.
    """

    model_config = ConfigDict(frozen=True)

    quick: timedelta | None = None
    usual: timedelta | None = None
    slow: timedelta | None = None
    last_finished: datetime | None = None  # the end of the last successful backup
    last_size_kb: int | None = None
    last_took: timedelta | None = None


def history_of(backups: Iterable[Backup]) -> History:
    """Return the history of an instance's backups, in any order; ignores unfinished ones."""
    finished = sorted(
        (backup.end_time, backup.id, backup)
        for backup in backups
        if backup.status == BackupStatus.COMPLETED and backup.type in FULL and backup.end_time
    )
    if not finished:
        return History()
    recent = [backup for _, _, backup in finished[-REMEMBERED:]]
    spans = [backup.duration for backup in recent if backup.duration is not None]
    quick, usual, slow = _quartiles(spans)
    return History(
        quick=quick,
        usual=usual,
        slow=slow,
        last_finished=recent[-1].end_time,
        last_size_kb=recent[-1].size_kb,
        last_took=recent[-1].duration,
    )


def _quartiles(spans: list[timedelta]) -> tuple[timedelta | None, ...]:
    if not spans:
        return None, None, None
    seconds = [span.total_seconds() for span in spans]
    if len(seconds) == 1:  # quantiles() needs two, until Python 3.13
        seconds *= 2
    return tuple(
        timedelta(seconds=second)
        for second in statistics.quantiles(seconds, n=4, method="inclusive")
    )


def fraction_done(history: History, elapsed: timedelta) -> float | None:
    """Estimate the progress of a running backup, 0 to 0.95; None without a history."""
    if history.usual is None:
        return None
    if elapsed >= history.usual:
        return NEARLY_DONE
    return min(max(elapsed / history.usual, 0.0), NEARLY_DONE)


def time_left(history: History, elapsed: timedelta) -> timedelta | None:
    """Estimate the time left; None without a history, or after the usual time."""
    if history.usual is None or elapsed >= history.usual:
        return None
    return history.usual - max(elapsed, timedelta(0))


def is_overdue(history: History, elapsed: timedelta) -> bool:
    """Return whether it takes so long that people should be told."""
    if history.usual is None or history.slow is None:
        return elapsed > OVERDUE_UNKNOWN
    return elapsed > max(2 * history.usual, history.slow + OVERDUE_MARGIN)


def next_look(history: History, elapsed: timedelta, shortest: float) -> float:
    """Return the seconds until the next check of a running backup.

    Every `shortest` seconds around the expected end; before it, each delay is half of the time
    left; after it, delays grow. Never below `shortest`, and never above 300 unless `shortest`
    is.
    """
    seconds = max(elapsed.total_seconds(), 0.0)
    if history.quick is None or history.slow is None:
        gap = _gap_unknown(seconds, shortest)
    else:
        early = history.quick.total_seconds() - seconds
        late = seconds - history.slow.total_seconds()
        gap = max(early / 2, late / 4)
    return max(shortest, min(gap, LONGEST_GAP))


def _gap_unknown(seconds: float, shortest: float) -> float:
    """Return a delay that grows by half each time, up to a minute in the first hour."""
    grown = shortest + seconds / 2
    if seconds < HOUR:
        return min(grown, FIRST_HOUR_GAP)
    return FIRST_HOUR_GAP + (seconds - HOUR) / 2
