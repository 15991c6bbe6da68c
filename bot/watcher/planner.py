"""Which call to RDS tells most about the running backups, and when it is worth making.

A page of list-instances shows the status of 100 instances, and `BACKING UP` is a hint that a
backup is still running; only a question about a backup tells how it ended. A call is worth the
seconds of waiting that it probably ends: for a backup that was last known to run `age` seconds
ago and ends at a `rate` per second, that is about `rate * age² / 2`. The planner makes the most
valuable call whenever the budget allows one, and none that isn't worth its price. So a page with
many backups near their usual end is read often, and a backup that has just begun is left alone.

No I/O and no clock: every time is in seconds on the caller's monotonic scale.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from bot.domain.progress import Expected

PRICE, SHARERS = 1.45, 3  # seconds that a call has to be worth, shared by all and three more
BURST = 3.0  # calls that may be saved up
DEBT = 10.0  # calls that urgent ones may take before their time
SLOW_CLOCK = 300.0  # seconds after which a backup is asked about, whatever its instance shows
SLOW_SHARE = 0.125  # of the calls at most; with many backups, the slow clock is slower
SHORTEST_GAP = 1.0  # seconds between two calls for the same news
RATED = 5.0  # seconds that a rate is used: the one in the middle of them
LEAST_RATE = 1 / 7200  # ends per second: nothing is left alone forever
JUST_BEGUN = 1e-3  # seconds for which a backup isn't expected to end
OUTLIERS, OUTLIER_SPREAD = 0.1, 1.0  # the share of backups unlike earlier ones, and their spread
LIES, TRUTHS = 1.0, 99.0  # what is believed of the hint before it was ever checked
MEMORY = 0.98  # how much of that is left after each further check
ROOT_TWO, ROOT_TWO_PI = math.sqrt(2), math.sqrt(2 * math.pi)


class Ask(NamedTuple):
    """Ask about one backup."""

    backup_id: str


class Sweep(NamedTuple):
    """Read this page of list-instances, counted from 0."""

    page: int


class Next(NamedTuple):
    """The call to make next, and when; in the past if it is overdue."""

    call: Ask | Sweep
    at: float


@dataclass(eq=False, slots=True)
class Followed:
    """A backup that was running at `began`."""

    backup_id: str
    instance_id: str
    began: float
    expected: Expected
    due: float = math.inf  # when to ask about it before anything else
    seen: float = field(init=False)  # last known to run, by a hint or an answer
    asked: float = field(init=False)  # last known to run, by an answer
    is_hinted: bool = True  # its instance's status tells whether it runs
    is_suspected: bool = False  # its instance's status says that it has ended
    is_held: bool = False  # not asked about before `due`
    rate: float = LEAST_RATE  # ends per second, as of `rated`
    rated: float = -math.inf

    def __post_init__(self) -> None:
        self.seen = self.asked = self.began


class Planner:
    """Knows what is followed and where each instance is listed; says what to call next."""

    def __init__(self, calls_per_minute: float, shortest_gap: float = SHORTEST_GAP) -> None:
        self._shortest_gap = shortest_gap
        self._pace = calls_per_minute / 60  # calls per second
        self._saved, self._counted = BURST, -math.inf  # calls that may be made, as of then
        self._followed: dict[str, Followed] = {}  # by backup ID
        self._on: defaultdict[str, set[str]] = defaultdict(set)  # backup IDs by instance ID
        self._page_of: dict[str, int] = {}  # by instance ID
        self._held: dict[int, float] = {}  # until when a page isn't read
        self._read_at: dict[int, float] = {}  # when each page was read
        self._lies, self._truths = LIES, TRUTHS

    def __len__(self) -> int:
        return len(self._followed)

    def __contains__(self, backup_id: str) -> bool:
        return backup_id in self._followed

    def follow(self, backup: Followed) -> None:
        """Plan calls for a backup. An earlier one of its instance has ended: RDS runs one each."""
        self.ask_soon(self.of_instance(backup.instance_id), backup.began)
        self._followed[backup.backup_id] = backup
        self._on[backup.instance_id].add(backup.backup_id)

    def forget(self, backup_id: str) -> None:
        """Stop planning calls for a backup."""
        if backup := self._followed.pop(backup_id, None):
            self._on[backup.instance_id].discard(backup_id)
            if not self._on[backup.instance_id]:
                del self._on[backup.instance_id]

    def instance_of(self, backup_id: str) -> str:
        """Return the instance of a followed backup."""
        return self._followed[backup_id].instance_id

    def of_instance(self, instance_id: str) -> Collection[str]:
        """Return the IDs of an instance's followed backups."""
        return self._on.get(instance_id, ())

    def ask_soon(self, backup_ids: Iterable[str], at: float) -> None:
        """Ask about these at that time, before anything else."""
        for backup in map(self._followed.__getitem__, backup_ids):
            if not backup.is_held:
                backup.due = min(backup.due, at)

    def hold(self, call: Ask | Sweep, until: float) -> None:
        """Put this call off until that time, because it failed and others may succeed."""
        if isinstance(call, Sweep):
            self._held[call.page] = until
        elif backup := self._followed.get(call.backup_id):
            backup.due, backup.is_held = until, True

    def allow(self, calls_per_minute: float) -> None:
        """Plan with this many calls from now on."""
        self._pace = calls_per_minute / 60

    # What RDS says

    def saw_page(self, page: int, statuses: Mapping[str, bool], at: float) -> None:
        """Learn from a page which of its instances were backing up.

        A backup whose instance wasn't is asked about at once. An instance that is missing from
        its page tells nothing, since lists shift; until another page has it, its backups are
        asked about directly.
        """
        self._read_at[page] = at
        for instance_id in [i for i in self._page_of if self._page_of[i] == page]:
            if instance_id not in statuses:
                del self._page_of[instance_id]
        for instance_id, is_backing_up in statuses.items():
            self._page_of[instance_id] = page
            for backup_id in self.of_instance(instance_id):
                _hint(self._followed[backup_id], at, is_backing_up=is_backing_up)

    def saw_running(self, backup_id: str, at: float) -> None:
        """Learn from an answer that a backup was running."""
        if backup := self._followed.get(backup_id):
            if backup.is_suspected:  # its instance shows something else, at least for now
                backup.is_hinted = backup.is_suspected = False
            backup.seen = backup.asked = at
            backup.due, backup.is_held = math.inf, False

    def saw_end(self, backup_id: str, ended_at: float | None) -> None:
        """Learn from an answer that a backup has ended, at this time if RDS says when."""
        backup = self._followed.get(backup_id)
        if backup and ended_at is not None and backup.is_hinted:
            is_lie = backup.seen > max(ended_at, backup.asked) + 1
            self._lies = self._lies * MEMORY + is_lie
            self._truths = self._truths * MEMORY + (not is_lie)
        self.forget(backup_id)

    # What to do

    def next(self, now: float) -> Next | None:
        """Return the next call; None while nothing is followed."""
        if not self._followed:
            return None
        first = min(self._followed.values(), key=attrgetter("due"))
        if first.due <= now:
            return Next(Ask(first.backup_id), self._allowed_at(now, 1 - DEBT))
        call, at = self._best(now)
        at = max(at, self._allowed_at(now, 1))
        return Next(call, at) if at < first.due else Next(Ask(first.backup_id), first.due)

    def made(self, at: float) -> None:
        """Count a call."""
        self._saved, self._counted = self._saved_at(at) - 1, at

    def _saved_at(self, now: float) -> float:
        return min(BURST, self._saved + (now - self._counted) * self._pace)

    def _allowed_at(self, now: float, calls: float) -> float:
        return now + max(0.0, (calls - self._saved_at(now)) / self._pace)

    def _best(self, now: float) -> tuple[Ask | Sweep, float]:
        """Return the call that is worth most and when to make it, or the first worth its price."""
        pages: defaultdict[int, list[float]] = defaultdict(lambda: [0.0] * 4)
        lying = self._lies / (self._lies + self._truths)
        price = PRICE / (SHARERS + len(self._followed))
        slow = max(SLOW_CLOCK, len(self._followed) / (self._pace * SLOW_SHARE))
        choice, gap = _Choice(now), self._shortest_gap
        for backup in self._followed.values():
            if backup.is_held:
                continue
            if now - backup.rated > RATED:
                elapsed = now - backup.began + RATED / 2
                backup.rate, backup.rated = ending_rate(backup.expected, elapsed), now
            seen, asked = now - backup.seen, now - backup.asked
            page = self._page_of.get(backup.instance_id) if backup.is_hinted else None
            hinted = told = 0.0
            if page is not None and self._held.get(page, now) <= now:
                hinted = backup.rate * (1 - lying)
                worth = pages[page]
                worth[0] += hinted
                worth[1] += hinted * seen
                told = _waited(hinted, seen)
                worth[2] += told
                worth[3] += hinted * seen / (1 + hinted * seen)  # how likely it has ended
            alone = backup.rate - hinted
            first = hinted * seen + alone * asked
            second, last = told + _waited(alone, asked), backup.seen
            if asked > slow:
                second, last = math.inf, backup.asked  # whatever its instance shows meanwhile
            choice.add(backup.backup_id, (backup.rate, first, second), price, last + gap)
        for page, worth in pages.items():
            earliest = self._read_at.get(page, -math.inf) + gap
            # Each that has ended is asked about afterward.
            choice.add(page, worth[:3], price * (1 + worth[3]), earliest)
        best = choice.best
        return (Ask(best) if isinstance(best, str) else Sweep(best)), choice.at


class _Choice:
    """The best call so far: of those worth their price the best value, else the first to be.

    A call is the ID of a backup to ask about, or the number of a page to read.
    """

    def __init__(self, now: float) -> None:
        self.best: str | int = 0
        self.at = math.inf
        self._now = now
        self._ratio = 0.0  # of its worth to its price, if that is 1 or more

    def add(self, call: str | int, worth: Sequence[float], price: float, earliest: float) -> None:
        """Consider a call that in `x` seconds is worth `(rate x² + 2 first x + second) / 2`."""
        rate, first, second = worth
        missing = 2 * price - second
        if missing <= 0 and earliest <= self._now:
            ratio = second / price
            if ratio > self._ratio:
                self.best, self.at, self._ratio = call, self._now, ratio
        elif not self._ratio:
            wait = 0.0
            if missing > 0:
                wait = missing / (first + math.sqrt(first * first + rate * missing))
            at = max(self._now + wait, earliest)
            if at < self.at:
                self.best, self.at = call, at


def _waited(rate: float, age: float) -> float:
    """Return twice the seconds that an end has probably been waiting, `rate * age²` at first."""
    return rate * age * age * 2 / (2 + rate * age)


def _hint(backup: Followed, at: float, *, is_backing_up: bool) -> None:
    if at < backup.seen:
        return
    if is_backing_up:
        backup.seen, backup.is_suspected, backup.is_hinted = at, False, True
    elif backup.is_hinted and not backup.is_held:
        backup.due, backup.is_suspected = min(backup.due, at), True


def ending_rate(expected: Expected, elapsed: float) -> float:
    """Return the chance per second that a backup ends which has been running for this long.

    Most take as long as earlier ones; a few are unlike them.
    """
    if elapsed < JUST_BEGUN:
        return LEAST_RATE
    log = math.log(elapsed / expected.median)
    ends = runs = 0.0
    for share, spread in ((1 - OUTLIERS, expected.spread), (OUTLIERS, OUTLIER_SPREAD)):
        deviation = log / spread
        runs += share * math.erfc(deviation / ROOT_TWO) / 2
        ends += share * math.exp(-deviation * deviation / 2) / (spread * elapsed * ROOT_TWO_PI)
    return max(ends / runs, LEAST_RATE) if runs > 0 else LEAST_RATE
