"""A fleet of instances in virtual time: which backups run when, and what RDS would say."""

import math
import random
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.domain.instances import PAGE, Backup
from bot.domain.progress import Expected, expected, history_of

Hint = Literal["right", "wrong", "missing"]

MEDIAN, SPREAD, WITHIN = 480.0, 0.8, 0.25  # of the durations: in the fleet, of one instance
KNOWN = 10  # earlier backups of each instance
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Run:
    """A backup of an instance; `told` is when the bot learned that it had ended."""

    id: str
    instance: int
    began: float
    ends: float
    expected: Expected
    told: float = math.inf


@dataclass
class Fleet:
    """Instances whose backups begin at random, `per_minute` of them for so many hours."""

    instances: int
    per_minute: float
    hours: float
    hint: Hint = "right"  # wrong: always BACKING UP; missing: never
    burst: int = 0  # more backups that begin at the same moment, an hour after the first
    seed: int = 1
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311, a simulation
        between = math.sqrt(SPREAD**2 - WITHIN**2)
        self._usual = [
            MEDIAN * math.exp(self._chance.gauss(0, between)) for _ in range(self.instances)
        ]
        self._of: defaultdict[int, list[Run]] = defaultdict(list)
        at, moments = 0.0, [3600.0] * self.burst
        while (at := at + self._chance.expovariate(self.per_minute / 60)) < self.hours * 3600:
            moments.append(at)
        for moment in sorted(moments):
            self._begin(moment)

    def _begin(self, at: float) -> None:
        for _ in range(100):  # else all are busy
            instance = self._chance.randrange(self.instances)
            if not self._of[instance] or self._of[instance][-1].ends <= at:
                run = Run(
                    str(len(self.runs)),
                    instance,
                    at,
                    at + self._took(instance),
                    self._guess(instance),
                )
                self.runs.append(run)
                self._of[instance].append(run)
                return

    def _took(self, instance: int) -> float:
        return self._usual[instance] * math.exp(self._chance.gauss(0, WITHIN))

    def _guess(self, instance: int) -> Expected:
        """What the bot expects after ten backups of the instance."""
        return expected(history_of(self._earlier(instance, day) for day in range(KNOWN)))

    def _earlier(self, instance: int, day: int) -> Backup:
        began = LONG_AGO + timedelta(days=day)
        return Backup(
            id=str(day),
            instance_id=str(instance),
            name="nightly",
            status="COMPLETED",
            begin_time=began,
            end_time=began + timedelta(seconds=self._took(instance)),
        )

    @property
    def pages(self) -> int:
        return -(-self.instances // PAGE)

    def page(self, number: int, at: float) -> dict[str, bool]:
        """Which instances of a page are shown as BACKING UP."""
        last = min((number + 1) * PAGE, self.instances)
        return {str(i): self._is_shown(i, at) for i in range(number * PAGE, last)}

    def _is_shown(self, instance: int, at: float) -> bool:
        if self.hint != "right":
            return self.hint == "wrong"
        runs = self._of.get(instance, [])
        index = bisect_right(runs, at, key=lambda run: run.began) - 1
        return index >= 0 and at < runs[index].ends
