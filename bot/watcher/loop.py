"""Carry out the planner's calls, and tell those who wait what RDS says of a backup."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from bot.domain.absence import unless_absent
from bot.domain.attempts import MENDING_GAP, delay_after
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup, Instance
from bot.domain.progress import Expected
from bot.runtime.clock import Clock
from bot.watcher.planner import SHORTEST_GAP, Ask, Followed, Planner, Sweep
from bot.watcher.probes import ENDED, Probe, Probes

log = structlog.get_logger(__name__)

REPLAN = 5.0  # seconds until a new plan, since backups get nearer to their end
FIRST_GAP, LONGEST_GAP = 15.0, 300.0  # seconds before the next call after a failure
OTHERS_FIRST = 1.0  # seconds for which a call that failed comes after the others


class Rds(Protocol):
    """Tells of a backup."""

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None: ...

    @property
    def spare_calls(self) -> float:
        """How many calls a minute may be planned, besides those that people wait for."""
        ...


class Pages(Protocol):
    """Reads a page of list-instances; what it shows reaches `Watcher.saw_page`."""

    async def read_page(self, number: int) -> None: ...


class _Aside(NamedTuple):
    """A backup whose checks failed: how often in a row, and when the next is due."""

    failures: int
    until: float  # on the clock's monotonic scale


class Watcher:
    """Answers `look` and `follow`; `run` is the only task that makes calls, one at a time."""

    def __init__(
        self,
        rds: Rds,
        pages: Pages,
        clock: Clock,
        *,
        shortest_gap: float = SHORTEST_GAP,
        rds_now: Callable[[], datetime] | None = None,
    ) -> None:
        self._rds = rds
        self._pages = pages
        self._clock = clock
        self._rds_now = rds_now or clock.now  # by RDS's clock, which its times are of
        self._planner = Planner(rds.spare_calls, shortest_gap)
        self._probes = Probes()
        self._on_end: Callable[[Backup], Awaitable[None]] = _nobody
        self._aside: dict[str, _Aside] = {}  # by backup ID: checks that fail while others don't
        self._changed = asyncio.Event()
        self._wakes_at = math.inf
        self._failures = 0  # in a row, of calls that concern all backups
        self._not_before = -math.inf
        self._suspects: set[Ask | Sweep] = set()  # calls that failed at their last try

    def listen(self, on_end: Callable[[Backup], Awaitable[None]]) -> None:
        """Call this with each backup whose end is found."""
        self._on_end = on_end

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        """Return the backup as RDS shows it about `after` seconds from now; None if it is gone.

        It counts as gone after three lookups by ID in a row. Raises RdsError if RDS fails twice in
        a row or rejects the keys; a `patient` look waits until RDS responds.
        """

        async def look(gap: float) -> Backup | None:
            due = self._clock.monotonic() + gap
            if aside := self._aside.get(backup_id):
                due = max(due, aside.until)
            probe = Probe(instance_id, backup_id, due, waits_for_end=False, patient=patient)
            return await self._answered(probe)

        return await unless_absent(look, after)

    async def follow(
        self,
        instance_id: str,
        backup_id: str,
        began: datetime,
        expected: Expected,
        *,
        within: float = math.inf,
        patient: bool = False,
    ) -> Backup | None:
        """Return the backup once RDS reports its end, or None once it is gone.

        Returns it as RDS shows it `within` seconds from now, even if it still runs. It counts as
        gone after three lookups by ID in a row. Raises RdsError as `look` does; a `patient` one
        waits until RDS responds, and returns then.
        """
        if backup_id not in self._planner:
            age = max(0.0, (self._clock.now() - began).total_seconds())
            began_at = self._clock.monotonic() - age
            self._planner.follow(Followed(backup_id, instance_id, began_at, expected))
            if aside := self._aside.get(backup_id):
                self._planner.hold(Ask(backup_id), aside.until)
            self._changed.set()
        due = self._clock.monotonic() + within
        probe = Probe(instance_id, backup_id, due, waits_for_end=True, patient=patient)
        return await self._answered(probe)

    async def _answered(self, probe: Probe) -> Backup | None:
        self._probes.add(probe)
        self._wake(probe.due)
        try:
            await probe.answered.wait()
            return probe.result()
        finally:
            if self._probes.remove(probe) and probe.waits_for_end:
                self._planner.forget(probe.backup_id)

    def saw_page(self, number: int, instances: Sequence[Instance], at: float) -> None:
        """Learn from a page of list-instances that was read at this time of the clock."""
        statuses = {instance.id: instance.status == "BACKING UP" for instance in instances}
        self._planner.saw_page(number, statuses, at)
        self._changed.set()

    def wake(self, instance_id: str) -> None:
        """Ask at once about the backups of an instance, because one of them may have ended."""
        now = self._clock.monotonic()
        self._planner.ask_soon(self._planner.of_instance(instance_id), now)
        for probe in self._probes.looks_at(instance_id):
            probe.due = min(probe.due, now)
        self._changed.set()

    async def run(self) -> None:
        """Tick forever, whenever a call is due; no error of RDS ends it."""
        while True:
            self._changed.clear()
            now = self._clock.monotonic()
            if (wait := self._next(now)[1] - now) > 0:
                wait = min(wait, REPLAN if len(self._planner) else LONGEST_GAP)
                self._wakes_at = now + wait
                await self._clock.wait(self._changed, wait)
            else:
                await self.tick()

    async def tick(self) -> None:
        """Make the next call if it is due; log the start and end of an outage."""
        now = self._clock.monotonic()
        call, at = self._next(now)
        if call is None or at > now:
            return
        self._planner.made(now)
        try:
            await self._make(call)
        except RdsError as error:
            if self._concerns_all(call, error):
                self._put_off(error, call)
            else:
                self._set_aside(call, error)
        except Exception as error:  # noqa: BLE001, whatever it is: the others go on
            self._set_aside(call, RdsUnreachable(type(error).__name__), exc_info=error)
        else:
            if self._failures:
                log.info("watching_again")
                self._probes.answer_patient()
            self._failures = 0
            self._suspects.discard(_key(call))

    def _wake(self, due: float) -> None:
        """Plan anew if this comes before what the loop waits for; hundreds come at a restart."""
        if due < self._wakes_at or due == math.inf:
            self._changed.set()

    def _next(self, now: float) -> tuple[Ask | Sweep | Probe | None, float]:
        """Return the next call, and when it is due and allowed."""
        self._planner.allow(self._rds.spare_calls)
        planned, look = self._planner.next(now), self._probes.first()
        if look and (planned is None or look.due <= planned.at):
            return look, max(look.due, self._not_before)
        if planned is None:
            return None, math.inf
        return planned.call, max(planned.at, self._not_before)

    async def _make(self, call: Ask | Sweep | Probe) -> None:
        match call:
            case Sweep(page):
                await self._pages.read_page(page)
            case Ask(backup_id):
                await self._ask(self._planner.instance_of(backup_id), backup_id)
            case Probe():
                await self._ask(call.instance_id, call.backup_id)

    async def _ask(self, instance_id: str, backup_id: str) -> None:
        asked_at = self._clock.monotonic()
        try:
            backup = await self._rds.find_backup(instance_id, backup_id)
        except RdsRefused as error:
            if not error.says_gone:
                raise
            backup = None
        again = self._probes.tell(backup_id, backup, asked_at)
        if self._aside.pop(backup_id, None):
            self._probes.answer_patient(backup_id)
        if backup is None:
            if again is None:
                self._planner.forget(backup_id)
            else:
                self._planner.hold(Ask(backup_id), self._clock.monotonic() + again)
        elif backup.status in ENDED:
            self._planner.saw_end(backup_id, self._monotonic(backup.end_time))
            await self._on_end(backup)
        else:
            self._planner.saw_running(backup_id, asked_at)

    def _monotonic(self, at: datetime | None) -> float | None:
        if at is None:
            return None
        return self._clock.monotonic() - (self._rds_now() - at).total_seconds()

    def _concerns_all(self, call: Ask | Sweep | Probe, error: RdsError) -> bool:
        """Return whether the error would affect other calls, too.

        A call that times out twice in a row, while another one succeeded in between, is the
        only one that is slow.
        """
        if isinstance(error, RdsRefused):
            return error.reason is RefusalReason.CREDENTIALS
        is_crowded = isinstance(error, RdsUnreachable) and error.retry_after is not None
        return is_crowded or self._failures > 0 or _key(call) not in self._suspects

    def _set_aside(
        self, call: Ask | Sweep | Probe, error: RdsError, *, exc_info: Exception | None = None
    ) -> None:
        """Back off for this call alone; the others don't wait for it."""
        now = self._clock.monotonic()
        if isinstance(call, Sweep):
            log.warning("page_set_aside", page=call.page, code=error.code, exc_info=exc_info)
            self._planner.hold(call, now + MENDING_GAP.total_seconds())
            return
        before = self._aside.get(call.backup_id)
        failures = before.failures + 1 if before else 1
        until = now + delay_after(failures, FIRST_GAP, LONGEST_GAP, call.backup_id)
        lately = {b: a for b, a in self._aside.items() if a.until > now - LONGEST_GAP}
        self._aside = lately | {call.backup_id: _Aside(failures, until)}
        self._planner.hold(Ask(call.backup_id), until)
        if isinstance(call, Probe):
            call.due = until
        if before is None:
            told = {"backup": call.backup_id, "code": error.code}
            log.warning("look_set_aside", **told, exc_info=exc_info)
            return
        for probe in self._probes.of(call.backup_id):
            probe.fail(error)

    def _put_off(self, error: RdsError, call: Ask | Sweep | Probe) -> None:
        """Back off for all backups; another call goes first then, in case this is the cause."""
        self._failures += 1
        self._suspects.add(_key(call))
        lasts = self._failures > 1
        key = str(call.page) if isinstance(call, Sweep) else call.backup_id
        delay = delay_after(self._failures, FIRST_GAP, LONGEST_GAP, key)
        if not lasts:
            log.warning("watching_interrupted", code=error.code, request_id=error.request_id)
        if isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS:
            delay, lasts = MENDING_GAP.total_seconds(), True
        for probe in self._probes.all() if lasts else ():
            probe.fail(error)
        self._not_before = self._clock.monotonic() + delay
        if isinstance(call, Probe):
            call.due = self._not_before
        else:
            self._planner.hold(call, self._not_before + OTHERS_FIRST)


def _key(call: Ask | Sweep | Probe) -> Ask | Sweep:
    return Ask(call.backup_id) if isinstance(call, Probe) else call


async def _nobody(_: Backup) -> None:
    """Hear nothing."""
