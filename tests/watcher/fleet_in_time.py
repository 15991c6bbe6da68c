"""A fleet in virtual time: how soon after its end each backup is known to have ended."""

import heapq
import math
import random
import statistics
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.progress import Expected
from bot.domain.instances import PAGE
from bot.watcher.planner import Ask, Followed, Planner, Sweep

LATENCY = 0.3  # seconds of a call
MEDIAN, SPREAD, WITHIN = 480.0, 0.8, 0.25  # of the durations: in the fleet, of one instance
KNOWN = 10  # earlier backups of an instance


@dataclass(eq=False)
class Run:
    """A backup: when it begins and ends, and what is known of the ones before it."""

    number: int
    instance: int
    began: float
    ends: float
    expected: Expected
    told: float | None = None


@dataclass
class Fleet:
    """What RDS would say at any moment."""

    instances: int
    per_minute: float
    seconds: float
    seed: int = 1
    hint: str = "right"
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        between = math.sqrt(SPREAD**2 - WITHIN**2)
        usual = [MEDIAN * math.exp(chance.gauss(0, between)) for _ in range(self.instances)]
        free = [0.0] * self.instances
        at = 0.0
        while (at := at + chance.expovariate(self.per_minute / 60)) < self.seconds:
            for _ in range(50):
                which = chance.randrange(self.instances)
                if free[which] <= at:
                    break
            else:
                continue
            self.add(chance, which, at, usual[which])
            free[which] = self.runs[-1].ends

    def add(self, chance: random.Random, which: int, at: float, usual: float) -> None:
        past = [math.log(usual) + chance.gauss(0, WITHIN) for _ in range(KNOWN)]
        middle = statistics.median(past)
        spread = 1.4826 * statistics.median(abs(p - middle) for p in past)
        takes = usual * math.exp(chance.gauss(0, WITHIN))
        self.runs.append(
            Run(len(self.runs), which, at, at + takes, Expected(math.exp(middle), math.sqrt((10*spread**2+5*0.3**2)/15)))
        )


def planned(fleet: Fleet, calls: float, others: float = 0) -> tuple[Counter[str], float]:
    """Follow the whole fleet with the planner."""
    planner = Planner(calls)
    runs = {str(run.number): run for run in fleet.runs}
    on: dict[int, list[Run]] = {}
    for run in fleet.runs:
        on.setdefault(run.instance, []).append(run)
    coming = deque(fleet.runs)
    now, made = 0.0, Counter[str]()
    planner.saw_page  # noqa
    for page in range(-(-fleet.instances // PAGE)):
        planner.saw_page(page, {str(i): False for i in range(page*PAGE, min(fleet.instances, page*PAGE+PAGE))}, 0.0)

    def status(i, now):
        busy = any(r.began <= now < r.ends for r in on.get(i, ()))
        if fleet.hint == "right": return busy
        if fleet.hint == "stuck": return True
        return False
    while coming or len(planner):
        while coming and coming[0].began <= now:
            run = coming.popleft()
            planner.follow(Followed(str(run.number), str(run.instance), run.began, run.expected))
        following = planner.next(now)
        if following is None:
            now = coming[0].began
            continue
        until = min(now + 5.0, coming[0].began if coming else math.inf)
        if following.at > now and following.at > until - 1e-9 and until > now:
            now = min(until, following.at); continue
        if following.at > now:
            now = following.at
            continue
        planner.made(now)
        read = now + LATENCY / 2
        now += LATENCY
        if isinstance(following.call, Sweep):
            made["sweep"] += 1
            p = following.call.page
            planner.saw_page(p, {str(i): status(i, read) for i in range(p*PAGE, min(fleet.instances, p*PAGE+PAGE))}, read)
        else:
            made["ask"] += 1
            run = runs[following.call.backup_id]
            if run.ends <= read:
                run.told = now
                planner.saw_end(following.call.backup_id, run.ends)
            else:
                planner.saw_running(following.call.backup_id, read)
    return made, now

def result(fleet, made):
    delays = sorted(run.told - run.ends for run in fleet.runs)
    return dict(median=round(statistics.median(delays),1), p95=round(delays[int(.95*len(delays))],1), worst=round(delays[-1],1), calls=round(sum(made.values())/len(delays),1), **made)

if __name__ == "__main__":
    import sys, time
    for n, per, calls, h in ((1000,12,60,"right"),(1000,12,48,"right"),(20,.24,30,"right"),(100,1.2,60,"right"),(3000,12,60,"right"),(10000,12,60,"right"),(1000,12,60,"stuck"),(1000,12,60,"missing")):
        if len(sys.argv)>1 and str(n) not in sys.argv[1:]: continue
        f = Fleet(n, per, 3*3600 if n>100 else 24*3600, hint=h)
        t=time.time(); made,_ = planned(f, calls)
        print(n, per, calls, h, len(f.runs), result(f, made), round(time.time()-t,1))

        pass
