"""Are incidents true? Weeks of a fleet in virtual time, with everything that can go wrong.

One JSON line: how many incidents there should have been, how many were missed, false, or doubled,
how far their beginning and end are from the truth in seconds, how late they were noticed, and how
many calls that took. The truth comes from the simulated region's own history. Two replicas share
the work, and one of them is restarted every day. `INSTANCES` (200), `DAYS` (30), and `SEED` (1)
can be set.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import structlog

from bot.demo.rds.records import Ending, RdsBackup, RdsInstance
from bot.domain.errors import RdsUnreachable
from bot.domain.incidents import Incident, IncidentKind
from bot.domain.watches import FRESH_WITHIN
from bot.monitor import loop
from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store
from tests.monitor.conftest import START, Ground
from tests.stepped_clock import SteppedClock

INSTANCES = int(os.environ.get("INSTANCES", "200"))
DAYS = int(os.environ.get("DAYS", "30"))
EXPLAIN = bool(os.environ.get("EXPLAIN"))  # say on stderr what was missed or false
SEED = int(os.environ.get("SEED", "1"))
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
HOLD = 45 * MINUTE
OUTAGE = 5 * HOUR
WINDOWS = ("01:00-02:00", "07:00-08:00", "13:00-14:00", "19:00-20:00")  # four time zones
# An incident this near is the one that was expected: RDS doesn't say when a backup was deleted,
# and manual backups are read every three hours, or after the outage.
NEAR = OUTAGE + 4 * HOUR
ROUND = 1800.0  # seconds


class Truth(NamedTuple):
    """An incident that there should be."""

    instance_id: str
    topic: str
    begins: datetime
    ends: datetime | None


class Fleet:
    """Instances, and what will go wrong with them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.dice = random.Random(SEED)  # noqa: S311, no secret
        self.truths: list[Truth] = []
        self.events: defaultdict[int, list[tuple[str, RdsInstance]]] = defaultdict(list)
        self.fleet = [self._instance(number) for number in range(INSTANCES)]

    def _instance(self, number: int) -> RdsInstance:
        region, takes = self.ground.region, timedelta(minutes=self.dice.choice([4, 7, 25]))
        size = self.dice.randrange(4, 400) * 2**20
        made = region.add_instance(f"db-{number:03}", backup_takes=takes, size_kb=size)
        window = self.dice.choice(WINDOWS)
        last = START.replace(hour=int(window[:2]))
        last -= DAY if last > START else timedelta()
        for night in range(10, -1, -1):
            region.add_backup(made, f"auto-{night}", began=last - night * DAY)
        region.automate(made, start=window)
        region.add_backup(made, "by-hand", type="manual", began=START - 3 * DAY)
        quiet = number % 2 == 0
        for day in range(2, DAYS - 3):
            if not quiet and self.dice.random() < 0.06:
                what = self.dice.choice(["retry", "fails", "off", "logs", "shrinks", "deleted"])
                self.events[day].append((what, made))
        return made

    def happen(self, day: int) -> None:
        """Let go wrong what does on this day, at noon, and mend it on the next."""
        for what, one in self.events[day - 1]:
            if what == "shrinks":
                one.size_kb *= 4
        region = self.ground.region
        happenings: dict[str, Callable[[RdsInstance], None]] = {
            "retry": region.fail_automated,
            "fails": lambda one: region.fail_automated(one, times=4),
            "off": partial(self._switched_off, day),
            "on": lambda one: region.set_policy(one, keep_days=7),
            "logs": partial(self._without_logs, day),
            "resume": region.resume_logs,
            "shrinks": self._shrinks,
            "deleted": self._deleted,
        }
        for what, one in self.events[day]:
            happenings[what](one)

    def _switched_off(self, day: int, one: RdsInstance) -> None:
        if ("on", one) in self.events[day]:
            return  # it was off until now, and is switched on again in this moment
        now = self.ground.clock.now()
        self.ground.region.set_policy(one, keep_days=0)
        self.events[day + 1].append(("on", one))
        self.truths.append(Truth(one.id, "policy_off", now, now + DAY))

    def _without_logs(self, day: int, one: RdsInstance) -> None:
        self.ground.region.stop_logs(one)
        self.events[day + 1].append(("resume", one))

    def _shrinks(self, one: RdsInstance) -> None:
        one.size_kb //= 4

    def _deleted(self, one: RdsInstance) -> None:
        now, region = self.ground.clock.now(), self.ground.region
        manual = [b for b in region.backups_of(one.id) if b.type == "manual"]
        for backup in [b for b in manual if b.exists and not b.deleted]:
            region.delete_backup(backup.id)
            self.truths.append(Truth(one.id, "deleted", now, None))

    def without_backups(self) -> Iterator[Truth]:
        """The times without a good backup: RDS's own retries failed, or there was none in time."""
        region = self.ground.region
        for one in self.fleet:
            made = [b for b in region.history if b.instance is one and b.type == "auto"]
            made.sort(key=lambda backup: backup.began)
            good = [b for b in made if b.ending is Ending.COMPLETED]
            for before, after in pairwise(good):
                failed = [b for b in made if before.began < b.began < after.began]
                begins = [before.began + FRESH_WITHIN]
                begins += [_after_retries(failed)] if failed else []
                if min(begins) < after.began:
                    yield Truth(one.id, "backup", min(begins), after.ended)


def _after_retries(failed: Sequence[RdsBackup]) -> datetime:
    """Return when RDS's own retry of the first failed backup should have succeeded."""
    begins = failed[0].ended + HOLD
    for retry in failed[1:]:
        if retry.began <= begins:
            begins = max(begins, retry.ended)
    return begins


async def weeks(ground: Ground, fleet: Fleet) -> None:
    """Let the days pass. RDS is away for five hours on the tenth, or halfway.

    To save time, the bot looks at what is watched every half hour instead of every five minutes.
    """
    loop.ROUND = ROUND
    other = ground.new_monitor()
    away = min(10, DAYS // 2)
    for day in range(DAYS):
        fleet.happen(day)
        if day == away:
            ground.rds.error = RdsUnreachable("HTTP 503")
            await ground.passes(other, seconds=OUTAGE.total_seconds())
            ground.rds.error = None
            await ground.passes(other, seconds=(DAY - OUTAGE).total_seconds())
        else:
            await ground.passes(other, days=1)
        ground.restarts()
        if day % 7 == 0:
            other = ground.new_monitor()


def compared(truths: list[Truth], found: list[Incident]) -> dict[str, object]:
    """What differs between what should have been and what was."""
    left = [i for i in found if i.kind is not IncidentKind.UNREAD]
    missed, begins, ends, late = 0, [], [], []
    for truth in truths:
        near = [
            i
            for i in left
            if (i.instance_id, i.topic) == (truth.instance_id, truth.topic)
            and abs(i.opened_at - truth.begins) <= NEAR
        ]
        if not near:
            missed += 1
            _explain("missed", truth)
            continue
        incident = near[0]
        left.remove(incident)
        begins.append(abs((incident.opened_at - truth.begins).total_seconds()))
        late.append((incident.noticed_at - incident.opened_at).total_seconds())
        if truth.ends and incident.ended_at:
            ends.append(abs((incident.ended_at - truth.ends).total_seconds()))
    unexplained = [i for i in left if i.topic not in ("unusual_size", "unusual_duration", "gap")]
    for incident in unexplained:
        _explain("false", incident)
    return {
        "expected": len(truths),
        "missed": missed,
        "false": len(unexplained),
        "unusual": sum(i.topic == "unusual_size" for i in left),
        "gaps": sum(i.topic == "gap" for i in left),
        "rds away": sum(i.kind is IncidentKind.UNREAD for i in found),
        "begin off by": _spread(begins),
        "end off by": _spread(ends),
        "noticed after": _spread(late),
        "still open": sum(i.is_open and i.topic != "deleted" for i in found),
    }


def _explain(what: str, about: object) -> None:
    if EXPLAIN:
        print(what, about, file=sys.stderr)  # noqa: T201, for whoever asked


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {"median": round(statistics.median(seconds), 1), "most": round(max(seconds), 1)}


async def run(directory: Path) -> dict[str, object]:
    """Return what came of it."""
    url = f"sqlite:///{directory / 'bench.db'}"
    migrate(url)
    engine = open_engine(url)
    clock = SteppedClock(START)
    ground = Ground(Store(engine, clock=clock), clock)
    fleet = Fleet(ground)
    await ground.watches()
    started = time.perf_counter()
    await weeks(ground, fleet)
    found = await ground.all()
    truths = [*fleet.truths, *fleet.without_backups()]
    cards = [line for line in await ground.lines() if line == "card"]
    await engine.dispose()
    return {
        "instances": INSTANCES,
        "days": DAYS,
        **compared(truths, found),
        "cards": len(cards),
        "calls per instance and hour": round(ground.rds.calls / INSTANCES / DAYS / 24, 2),
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Print one JSON line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as directory:
        print(json.dumps(asyncio.run(run(Path(directory)))))  # noqa: T201, it is the result


if __name__ == "__main__":
    main()
