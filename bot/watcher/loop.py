"""Watch all running backups within the call budget.

RDS allows 60 calls a minute. Checking one backup takes a call; a page of list-instances takes
one, too, and shows the status of 100 instances, which is `BACKING UP` during a backup. If it
saves calls, a sweep over the pages is made instead. It is only a hint: a backup whose instance
has another status is checked directly, and each one at least every five minutes.
"""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import structlog

from bot.domain.absence import unless_absent
from bot.domain.attempts import delay_after
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

PAGE = 100  # instances that one call of a sweep shows
TRUST_A_HINT = 300.0  # seconds since a backup was last checked directly
EARLY = 10.0  # seconds; a sweep also answers probes that are due this soon
FIRST_GAP, LONGEST_GAP = 15.0, 300.0  # seconds before the next call after a failure
LOCKED_OUT = 600.0  # seconds after refused keys; wrong signatures lock a key for 5 min


class Rds(Protocol):
    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None: ...
    async def list_instances(self) -> list[Instance]: ...


@dataclass(eq=False)
class Probe:
    """A pending question about one backup."""

    instance_id: str
    backup_id: str
    due: float  # on the clock's monotonic scale
    patient: bool  # waits through any outage
    answer: asyncio.Future[Backup | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class _Aside(NamedTuple):
    """A backup whose checks failed: how often in a row, and when the next is due."""

    failures: int
    until: float  # on the clock's monotonic scale


class Watcher:
    """Answers `look`; `run` is the only task that calls RDS, one call at a time."""

    def __init__(self, rds: Rds, clock: Clock) -> None:
        self._rds = rds
        self._clock = clock
        self._looks: set[Probe] = set()
        self._confirmed_at: dict[str, float] = {}  # by backup ID; old ones are forgotten
        self._aside: dict[str, _Aside] = {}  # by backup ID: checks that fail while others don't
        self._changed = asyncio.Event()
        self._wakes_at = float("inf")
        self._pages = 1  # of a sweep
        self._failures = 0  # in a row, of calls that concern all backups
        self._not_before = float("-inf")

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        """Return the backup as RDS shows it about `after` seconds from now; None if it is gone.

        It counts as gone after three lookups by ID in a row. Raises RdsError if RDS fails twice in
        a row or rejects the keys; a `patient` look waits until RDS responds.
        """

        async def look(gap: float) -> Backup | None:
            return await self._look(instance_id, backup_id, gap, patient=patient)

        return await unless_absent(look, after)

    def wake(self, instance_id: str) -> None:
        """Make all pending probes of this instance due now, each to be checked directly."""
        for look in self._waiting():
            if look.instance_id == instance_id:
                look.due = min(look.due, self._clock.monotonic())
                self._confirmed_at.pop(look.backup_id, None)
                self._changed.set()

    async def _look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool
    ) -> Backup | None:
        due = self._clock.monotonic() + after
        if aside := self._aside.get(backup_id):
            due = max(due, aside.until)
        look = Probe(instance_id, backup_id, due, patient)
        self._looks.add(look)
        if look.due < self._wakes_at:  # after a restart, hundreds come at once
            self._changed.set()
        try:
            return await look.answer
        finally:
            self._looks.discard(look)

    async def run(self) -> None:
        """Tick forever, whenever a probe is due; no error of RDS ends it."""
        while True:
            self._changed.clear()
            if (wait := self._idle()) > 0:
                wait = min(wait, LONGEST_GAP)
                self._wakes_at = self._clock.monotonic() + wait
                await self._clock.wait(self._changed, wait)
            else:
                await self.tick()

    async def tick(self) -> None:
        """Make the call for the probe that is due first; log the start and end of an outage."""
        if self._idle() > 0:
            return
        first = min(self._waiting(), key=lambda look: look.due)
        try:
            await self._ask(first, self._clock.monotonic())
        except RdsError as error:
            if _concerns_all(error):
                self._put_off(error, first)
            else:
                self._set_aside(first, error)
        except Exception as error:  # noqa: BLE001, whatever it is: the others go on
            self._set_aside(first, RdsUnreachable(type(error).__name__), exc_info=error)
        else:
            self._aside.pop(first.backup_id, None)
            if self._failures:
                log.info("watching_again")
            self._failures = 0

    def _waiting(self) -> list[Probe]:
        return [look for look in self._looks if not look.answer.done()]

    def _idle(self) -> float:
        """Return the seconds until the next call is due and allowed."""
        soonest = min((look.due for look in self._waiting()), default=float("inf"))
        return max(soonest, self._not_before) - self._clock.monotonic()

    async def _ask(self, first: Probe, now: float) -> None:
        stale = now - TRUST_A_HINT
        self._confirmed_at = {b: at for b, at in self._confirmed_at.items() if at > stale}
        self._aside = {b: aside for b, aside in self._aside.items() if aside.until > stale}
        hinted = [
            look
            for look in self._waiting()
            if look.due <= now + EARLY and look.backup_id in self._confirmed_at
        ]
        if first in hinted and len({look.instance_id for look in hinted}) > self._pages:
            await self._sweep(hinted)
        else:
            await self._confirm(first)

    async def _sweep(self, looks: list[Probe]) -> None:
        """Answer the probes of instances still being backed up; confirm the others next."""
        instances = await self._rds.list_instances()
        self._pages = max(1, -(-len(instances) // PAGE))
        running = {instance.id for instance in instances if instance.status == "BACKING UP"}
        for look in looks:
            if look.instance_id in running:
                _answer(look, _still_running(look))
            else:
                self._confirmed_at.pop(look.backup_id, None)
                look.due = float("-inf")

    async def _confirm(self, look: Probe) -> None:
        try:
            backup = await self._rds.find_backup(look.instance_id, look.backup_id)
        except RdsRefused as error:
            if not error.says_gone:
                raise
            backup = None
        if backup is not None and backup.status == BackupStatus.BUILDING:
            self._confirmed_at[look.backup_id] = self._clock.monotonic()
        else:
            self._confirmed_at.pop(look.backup_id, None)
        _answer(look, backup)

    def _set_aside(
        self, look: Probe, error: RdsError, *, exc_info: Exception | None = None
    ) -> None:
        """Back off for this backup alone; the others don't wait for it."""
        now, before = self._clock.monotonic(), self._aside.get(look.backup_id)
        failures = before.failures + 1 if before else 1
        look.due = now + delay_after(failures, FIRST_GAP, LONGEST_GAP, look.backup_id)
        self._aside[look.backup_id] = _Aside(failures, look.due)
        self._confirmed_at.pop(look.backup_id, None)
        if before is None:
            told = {"backup": look.backup_id, "code": error.code}
            log.warning("look_set_aside", **told, exc_info=exc_info)
        elif not look.patient and not look.answer.done():
            look.answer.set_exception(error)

    def _put_off(self, error: RdsError, look: Probe) -> None:
        """Back off for all backups; another probe goes first then, in case this is the cause."""
        self._failures += 1
        lasts = self._failures > 1
        delay = delay_after(self._failures, FIRST_GAP, LONGEST_GAP, look.backup_id)
        if not lasts:
            log.warning("watching_interrupted", code=error.code, request_id=error.request_id)
        if isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS:
            delay, lasts = LOCKED_OUT, True
        for waiting in self._waiting() if lasts else ():
            if not waiting.patient:
                waiting.answer.set_exception(error)
        self._not_before = look.due = self._clock.monotonic() + delay


def _concerns_all(error: RdsError) -> bool:
    """Return whether the error would affect calls about other backups, too."""
    return not isinstance(error, RdsRefused) or error.reason is RefusalReason.CREDENTIALS


def _answer(look: Probe, backup: Backup | None) -> None:
    if not look.answer.done():
        look.answer.set_result(backup)


def _still_running(look: Probe) -> Backup:
    return Backup(
        id=look.backup_id,
        instance_id=look.instance_id,
        name="",
        status=BackupStatus.BUILDING,
    )
