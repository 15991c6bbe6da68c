"""How long an instance's backups usually take, and what is unusual about one."""

import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.domain.frozen import Frozen
from bot.domain.instances import Backup, BackupStatus

FULL = frozenset({"auto", "manual"})  # types that copy all data, as the bot's backups do
REMEMBERED = 10  # backups; older ones were of a smaller database
LEARNED = 3  # backups from which the usual is known; with fewer, it's still being learned
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=7)  # of a duration that can be true
LARGEST_KB = 2**37  # 128 TB, more than an RDS instance can hold
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
QUARTILES_TO_DEVIATION = 1.349  # the same, for the distance between the quartiles
PRIOR_SPREAD, PRIOR_RUNS = 0.35, 2  # the spread of an unknown instance, as if seen twice
LEAST_SPREAD, WIDEST_SPREAD = 0.1, 0.9
LEARNING_SPREAD = 0.5  # the least with fewer than three backups
OUTLIER = 3.5  # deviations from the median, by Iglewicz and Hoaglin
ODD_SIZE = (0.5, 2.0)  # times the usual; what lies between is never called unusual
ODD_DURATION = (1 / 3, 2.0)
LEAST_KB, LEAST_SECONDS = 100 * 1024, 120.0  # smaller differences from the usual never count
NEARLY_DONE = 0.95  # the highest estimate: only RDS says "completed"
OVERDUE_MARGIN = timedelta(minutes=5)
OVERDUE_UNKNOWN = timedelta(hours=1)  # without a history


class History(Frozen):
    """Statistics of an instance's last ten completed full backups.

    `usual` is how long the next one is expected to take; `quick` and `slow` are one spread of
    `expected` below and above it. All None if there are none. An older release stored the median
    and the quartiles there, and no `runs`.
    """

    quick: timedelta | None = None
    usual: timedelta | None = None
    slow: timedelta | None = None
    last_finished: datetime | None = None  # the end of the last successful backup
    last_size_kb: int | None = None
    last_took: timedelta | None = None
    runs: int | None = None  # how many durations it rests on; None if an older release stored it
    spread: float | None = None  # of the logarithms of the durations, as measured
    usual_size_kb: int | None = None  # the median; None with fewer than three sizes
    size_spread: float | None = None  # of the logarithms of the sizes

    @property
    def is_learning(self) -> bool:
        """Whether there are some backups, but too few to know what is usual."""
        return self.runs is not None and 0 < self.runs < LEARNED


class Expected(NamedTuple):
    """How long the next backup takes, as a lognormal distribution."""

    median: float  # seconds
    spread: float  # of the logarithm of the duration, as a standard deviation


UNKNOWN = Expected(300.0, 1.5)  # without a history: seconds in a trial, an hour in production


def expected(history: History) -> Expected:
    """Return how long the next backup is expected to take; a wide guess without a history."""
    if history.usual is None or not SHORTEST <= history.usual <= LONGEST:
        return UNKNOWN
    return Expected(history.usual.total_seconds(), _spread(history))


def _spread(history: History) -> float:
    """Return the measured spread, drawn toward the prior's by how few backups there are."""
    if history.runs is None:
        return min(max(_spread_of_quartiles(history), LEAST_SPREAD), WIDEST_SPREAD)
    runs = min(max(history.runs, 0), REMEMBERED)
    measured = history.spread or 0.0
    if not 0 <= measured <= WIDEST_SPREAD:
        measured = WIDEST_SPREAD
    squares = PRIOR_RUNS * PRIOR_SPREAD**2 + runs * measured**2
    least = LEAST_SPREAD if runs >= LEARNED else LEARNING_SPREAD
    return max(math.sqrt(squares / (PRIOR_RUNS + runs)), least)


def _spread_of_quartiles(history: History) -> float:
    quick, slow = history.quick, history.slow
    if quick is None or slow is None or not SHORTEST <= quick <= slow:
        return PRIOR_SPREAD
    return math.log(slow / quick) / QUARTILES_TO_DEVIATION


def history_of(listed: Iterable[Backup], records: Iterable[Backup] = ()) -> History:
    """Return the history of an instance's backups, in any order; ignores unfinished ones.

    `records` are the bot's own: they count only where RDS no longer lists the backup, and never
    as the last successful one. Durations and sizes that can't be true are ignored.
    """
    listed = list(listed)
    ids = {backup.id for backup in listed}
    gone = [record for record in records if record.id not in ids]
    recent = _recent([*listed, *gone])
    if not recent:
        return History()
    return _of_durations(recent).model_copy(update={**_of_sizes(recent), **_last(listed)})


def _recent(backups: Iterable[Backup]) -> list[Backup]:
    """Return the last ten completed full backups, oldest first."""
    finished = [
        backup
        for backup in backups
        if backup.status == BackupStatus.COMPLETED and backup.type in FULL and backup.end_time
    ]
    return sorted(finished, key=_age)[-REMEMBERED:]


def _last(listed: Iterable[Backup]) -> dict[str, object]:
    """Return the part of the history that describes the last backup in RDS."""
    if not (recent := _recent(listed)):
        return {}
    last = recent[-1]
    return {
        "last_finished": last.end_time,
        "last_size_kb": _size(last),
        "last_took": last.duration if _seconds(last) else None,
    }


def _age(backup: Backup) -> tuple[object, ...]:
    """Return what to sort by, oldest first; the rest only makes the order certain."""
    return backup.end_time, backup.id, _seconds(backup) or 0.0, backup.size_kb or 0


def _seconds(backup: Backup) -> float | None:
    """Return its duration in seconds, or None if RDS reports none that can be true."""
    duration = backup.duration
    return duration.total_seconds() if duration and SHORTEST <= duration <= LONGEST else None


def _size(backup: Backup) -> int | None:
    """Return its size in KB, or None if RDS reports none that can be true."""
    return backup.size_kb if backup.size_kb and 0 < backup.size_kb <= LARGEST_KB else None


class _Measured(NamedTuple):
    median: float
    spread: float  # of the logarithms, from their median absolute deviation


def _measured(values: Sequence[float]) -> _Measured:
    """Return the median and spread of positive values; half of them may be nonsense."""
    median = statistics.median(values)
    deviations = [abs(math.log(value / median)) for value in values]
    return _Measured(median, MAD_TO_DEVIATION * statistics.median(deviations))


def _of_durations(recent: Sequence[Backup]) -> History:
    """Return the part of the history that these backups' durations tell, oldest first."""
    durations = [seconds for backup in recent if (seconds := _seconds(backup))]
    if not durations:
        return History(runs=0)
    median, spread = _by_size(recent) or _measured(durations)
    usual = min(max(timedelta(seconds=median), SHORTEST), LONGEST)
    history = History(usual=usual, runs=len(durations), spread=spread)
    factor = math.exp(expected(history).spread)
    return history.model_copy(update={"quick": usual / factor, "slow": usual * factor})


def _of_sizes(recent: Sequence[Backup]) -> dict[str, object]:
    sizes = [size for backup in recent if (size := _size(backup))]
    if len(sizes) < LEARNED:
        return {}
    usual, spread = _measured(sizes)
    return {"usual_size_kb": round(usual), "size_spread": spread}


def _by_size(recent: Sequence[Backup]) -> _Measured | None:
    """Return the duration for the newest size by the seconds per KB of these backups.

    It is at most double, and at least half of, what the last three took. None if fewer than three
    have a size and a duration, or if the durations don't follow the sizes.
    """
    sized = [
        (seconds, size)
        for backup in recent
        if (seconds := _seconds(backup)) and (size := _size(backup))
    ]
    if len(sized) < LEARNED:
        return None
    durations = [seconds for seconds, _ in sized]
    rate, spread = _measured([seconds / size for seconds, size in sized])
    if spread > max(_measured(durations).spread, LEAST_SPREAD):
        return None
    lately = statistics.median(durations[-LEARNED:])
    return _Measured(min(max(rate * sized[-1][1], lately / 2), lately * 2), spread)


def fraction_done(history: History, elapsed: timedelta) -> float | None:
    """Estimate the progress of a running backup, 0 to 0.95; None without a history."""
    if history.usual is None:
        return None
    elapsed = max(elapsed, timedelta(0))
    if elapsed >= history.usual:
        return NEARLY_DONE
    return min(elapsed / history.usual, NEARLY_DONE)


def time_left(history: History, elapsed: timedelta) -> timedelta | None:
    """Estimate the time left; None without a history, or after the usual time."""
    if history.usual is None or elapsed >= history.usual:
        return None
    return history.usual - max(elapsed, timedelta(0))


def overdue_after(history: History) -> timedelta:
    """Return how long a backup may take before people should be told."""
    if history.usual is None or history.slow is None:
        return OVERDUE_UNKNOWN
    return max(2 * history.usual, history.slow + OVERDUE_MARGIN, OVERDUE_MARGIN)


class Oddity(StrEnum):
    """What can be unusual about a completed backup."""

    SMALLER = "smaller"
    LARGER = "larger"
    FASTER = "faster"
    SLOWER = "slower"


def unusual(history: History, took: timedelta | None, size_kb: int | None) -> tuple[Oddity, ...]:
    """Return what is unusual about a completed backup; nothing with fewer than three before it.

    That is an outlier by its modified z-score, under half or over double the usual size, or
    under a third or over double the usual duration. A size or duration that RDS didn't report
    is not unusual.
    """
    found: list[Oddity] = []
    if size_kb and (usual := history.usual_size_kb):
        odd = _outlies(size_kb, usual, history.size_spread, ODD_SIZE, LEAST_KB)
        found += [Oddity.LARGER if size_kb > usual else Oddity.SMALLER] if odd else []
    if took and history.usual and (history.runs or 0) >= LEARNED:
        seconds, median = took.total_seconds(), expected(history).median
        odd = _outlies(seconds, median, history.spread, ODD_DURATION, LEAST_SECONDS)
        found += [Oddity.SLOWER if seconds > median else Oddity.FASTER] if odd else []
    return tuple(found)


def _outlies(
    value: float, usual: float, spread: float | None, guards: tuple[float, float], least: float
) -> bool:
    """Return whether a value is far from the usual by every measure."""
    low, high = guards
    if min(value, usual) <= 0 or low * usual <= value <= high * usual:
        return False
    deviations = abs(math.log(value / usual)) / max(spread or 0.0, LEAST_SPREAD)
    return deviations > OUTLIER and abs(value - usual) >= least
