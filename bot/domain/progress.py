"""What is usual for an instance's backups, what is not, and when to look at one again."""

import statistics
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from bot.domain.instances import Backup, BackupStatus

FULL = frozenset({"auto", "manual"})  # types that copy all data, and so compare with ours
REMEMBERED = 10  # backups; older ones were of a smaller database
NEARLY_DONE = 0.95  # no guess says more: only RDS says "completed"
OVERDUE_MARGIN = timedelta(minutes=5)
OVERDUE_UNKNOWN = timedelta(hours=1)  # where there is no history to judge by
LONGEST_GAP = 300.0  # seconds between two looks
FIRST_HOUR_GAP = 60.0  # the same, while an unknown backup is young
HOUR = 3600.0


class History(BaseModel):
    """What an instance's finished full backups say about the next one.

    Times are spans of the last ten completed full backups: `quick` and `slow` bound the middle
    half of them, `usual` is their median. All None when there are none.
    """

    model_config = ConfigDict(frozen=True)

    quick: timedelta | None = None
    usual: timedelta | None = None
    slow: timedelta | None = None
    last_name: str | None = None  # the last good backup
    last_finished: datetime | None = None
    last_size_kb: int | None = None
    last_took: timedelta | None = None


def history_of(backups: Iterable[Backup]) -> History:
    """The history in an instance's backups, given in any order; the rest of them is ignored."""
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
        last_name=recent[-1].name,
        last_finished=recent[-1].end_time,
        last_size_kb=recent[-1].size_kb,
        last_took=recent[-1].duration,
    )


def _quartiles(spans: list[timedelta]) -> tuple[timedelta | None, ...]:
    if not spans:
        return None, None, None
    seconds = [span.total_seconds() for span in spans]
    if len(seconds) == 1:  # quantiles() wants two, until Python 3.13
        seconds *= 2
    return tuple(
        timedelta(seconds=second)
        for second in statistics.quantiles(seconds, n=4, method="inclusive")
    )


def fraction_done(history: History, elapsed: timedelta) -> float | None:
    """A guess from 0 to 0.95 of how far a running backup is; None without a history."""
    if history.usual is None:
        return None
    if elapsed >= history.usual:
        return NEARLY_DONE
    return min(max(elapsed / history.usual, 0.0), NEARLY_DONE)


def time_left(history: History, elapsed: timedelta) -> timedelta | None:
    """A guess of how long it still takes; None without a history, or past the usual time."""
    if history.usual is None or elapsed >= history.usual:
        return None
    return history.usual - max(elapsed, timedelta(0))


def is_overdue(history: History, elapsed: timedelta) -> bool:
    """Whether it takes so long that people should hear of it."""
    if history.usual is None or history.slow is None:
        return elapsed > OVERDUE_UNKNOWN
    return elapsed > max(2 * history.usual, history.slow + OVERDUE_MARGIN)


def next_look(history: History, elapsed: timedelta, shortest: float) -> float:
    """Seconds from now to the next look at a running backup.

    Every `shortest` seconds around the expected end; before it, each look halves the way
    there; after it, the gaps grow with the delay. Never under `shortest`, and never over 300
    unless `shortest` itself is.
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
    """Gaps that grow by half from one look to the next, to a minute in the first hour."""
    grown = shortest + seconds / 2
    if seconds < HOUR:
        return min(grown, FIRST_HOUR_GAP)
    return FIRST_HOUR_GAP + (seconds - HOUR) / 2
