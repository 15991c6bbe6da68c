"""How soon each backup's end is known, on fleets in virtual time, beside other ways to look.

One JSON line for each fleet and way: seconds from the end of a backup until the bot knows it, and
calls per backup. The ways are the bot's planner; Terraform's rule, each backup every 30 seconds;
each backup in turn; and an oracle that asks once about each backup when it has ended, the least
that any way can do. All have the same budget, of which a fifth is left to people. `SEEDS` (3),
`HOURS` (3), and `TICKS` (200, of a timed planner) can be set; the numbers are the medians of the
seeds.
"""

import heapq
import json
import math
import os
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from bot.runtime.rate_limit import SPARED
from bot.watcher.planner import Ask, Followed, Planner, Sweep
from tests.bench.fleet import Fleet, Run

SEEDS = int(os.environ.get("SEEDS", "3"))
HOURS = float(os.environ.get("HOURS", "3"))
LATENCY = 0.3  # seconds of a call
REPLAN = 5.0  # seconds after which the bot's loop plans anew
TERRAFORM = 30.0  # seconds between two looks of Terraform at one backup
TICKS = int(os.environ.get("TICKS", "200"))  # of the planner, to time one

FLEETS: list[tuple[str, int, float, dict[str, object]]] = [
    ("1,000 instances", 60, 1.0, {"instances": 1000, "per_minute": 12}),
    ("small fleet", 30, 8.0, {"instances": 20, "per_minute": 0.24}),
    ("100 instances", 60, 4.0, {"instances": 100, "per_minute": 1.2}),
    ("3,000 instances", 60, 1.0, {"instances": 3000, "per_minute": 12}),
    ("10,000 instances", 60, 1.0, {"instances": 10_000, "per_minute": 12}),
    ("hint wrong", 60, 1.0, {"instances": 1000, "per_minute": 12, "hint": "wrong"}),
    ("hint missing", 60, 1.0, {"instances": 1000, "per_minute": 12, "hint": "missing"}),
    ("500 at once", 60, 1.0, {"instances": 1000, "per_minute": 3, "burst": 500}),
    ("half taken by others", 30, 1.0, {"instances": 1000, "per_minute": 12}),
]


class Way(Protocol):
    """Decides what to ask."""

    def begins(self, run: Run) -> None: ...
    def next(self, now: float) -> tuple[Run | int | None, float]:
        """The backup or page to ask about, and when."""
        ...

    def answered(self, run: Run, at: float, *, ended: bool) -> None: ...
    def read(self, page: int, statuses: dict[str, bool], at: float) -> None: ...


class Planned:
    """The bot's own way."""

    def __init__(self, fleet: Fleet, calls_per_minute: float) -> None:
        self.planner = Planner(calls_per_minute)
        self._runs: dict[str, Run] = {}
        for page in range(fleet.pages):
            self.planner.saw_page(page, fleet.page(page, 0.0), 0.0)

    def begins(self, run: Run) -> None:
        self._runs[run.id] = run
        self.planner.follow(Followed(run.id, str(run.instance), run.began, run.expected))

    def next(self, now: float) -> tuple[Run | int | None, float]:
        match self.planner.next(now):
            case None:
                return None, math.inf
            case (Ask(backup_id), at):
                return self._runs[backup_id], at
            case (Sweep(page), at):
                return page, at

    def answered(self, run: Run, at: float, *, ended: bool) -> None:
        self.planner.made(at)
        if ended:
            self.planner.saw_end(run.id, run.ends)
        else:
            self.planner.saw_running(run.id, at)

    def read(self, page: int, statuses: dict[str, bool], at: float) -> None:
        self.planner.made(at)
        self.planner.saw_page(page, statuses, at)


class Every:
    """Each backup again some seconds after it was asked about, the longest due first."""

    def __init__(self, calls_per_minute: float, gap: float) -> None:
        self._spacing, self._gap = 60 / calls_per_minute, gap
        self._due: list[tuple[float, str, Run]] = []
        self._free_at = 0.0

    def begins(self, run: Run) -> None:
        heapq.heappush(self._due, (run.began + self._gap, run.id, run))

    def next(self, now: float) -> tuple[Run | int | None, float]:
        if not self._due:
            return None, math.inf
        due, _, run = self._due[0]
        return run, max(due, self._free_at, now)

    def answered(self, run: Run, at: float, *, ended: bool) -> None:
        self._free_at = at + self._spacing
        heapq.heappop(self._due)
        if not ended:
            heapq.heappush(self._due, (at + self._gap, run.id, run))

    def read(self, page: int, statuses: dict[str, bool], at: float) -> None:
        raise AssertionError(page, statuses, at)


class Oracle(Every):
    """Asks about each backup once, when it has ended."""

    def begins(self, run: Run) -> None:
        heapq.heappush(self._due, (run.ends, run.id, run))


def follow(fleet: Fleet, way: Way) -> Counter[str]:
    """Let all backups of a fleet run and end; return the calls by kind."""
    coming, running, now, calls = deque(fleet.runs), 0, 0.0, Counter[str]()
    while coming or running:
        while coming and coming[0].began <= now:
            way.begins(coming.popleft())
            running += 1
        begins = coming[0].began if coming else math.inf
        what, at = way.next(now)
        if what is None or at > now:
            now = max(now, min(at, begins, now + REPLAN if running else begins))
            continue
        read, now = now + LATENCY / 2, now + LATENCY
        if isinstance(what, Run):
            calls["asks"] += 1
            ended = what.ends <= read
            what.told = now if ended else math.inf
            running -= ended
            way.answered(what, read, ended=ended)
        else:
            calls["sweeps"] += 1
            way.read(what, fleet.page(what, read), read)
    return calls


class Found(NamedTuple):
    """What one way found on one fleet."""

    median: float  # seconds from the end of a backup until it is known
    p95: float
    worst: float
    calls_per_backup: float

    @classmethod
    def of(cls, fleet: Fleet, calls: Counter[str]) -> "Found":
        waited = sorted(run.told - run.ends for run in fleet.runs)
        p95 = waited[math.ceil(0.95 * len(waited)) - 1]
        return cls(statistics.median(waited), p95, waited[-1], calls.total() / len(waited))


def ways(calls_per_minute: float) -> dict[str, Callable[[Fleet], Way]]:
    return {
        "planner": lambda fleet: Planned(fleet, calls_per_minute),
        "terraform": lambda _: Every(calls_per_minute, TERRAFORM),
        "in turn": lambda _: Every(calls_per_minute, 0.0),
        "oracle": lambda _: Oracle(calls_per_minute, 0.0),
    }


def tick(followed: int) -> float:
    """Return the milliseconds of one plan with so many backups running."""
    fleet = Fleet(10 * followed, per_minute=0.001, hours=0, burst=followed)
    way = Planned(fleet, 60)
    for run in fleet.runs:
        way.begins(run)
    took = []
    for number in range(TICKS):
        began = time.perf_counter()
        way.next(3600.0 + number)
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


def main() -> None:
    for name, calls, longer, settings in FLEETS:
        spare = calls * SPARED
        medians = {}
        for way, made in ways(spare).items():
            found = []
            for seed in range(1, SEEDS + 1):
                fleet = Fleet(hours=HOURS * longer, seed=seed, **settings)  # type: ignore[arg-type]
                found.append(Found.of(fleet, follow(fleet, made(fleet))))
            medians[way] = Found(*map(statistics.median, zip(*found, strict=True)))
        for way, numbers in medians.items():
            line = {"bench": "watcher", "fleet": name, "calls_per_minute": calls, "way": way}
            line |= {key: round(value, 1) for key, value in numbers._asdict().items()}
            line["times_the_planner"] = round(numbers.median / medians["planner"].median, 2)
            print(json.dumps(line), flush=True)  # noqa: T201, the output of a benchmark
    for followed in (100, 1000, 10_000):
        line = {"bench": "watcher", "followed": followed, "ms_per_plan": round(tick(followed), 2)}
        print(json.dumps(line), flush=True)  # noqa: T201, the same


if __name__ == "__main__":
    main()
