"""Read one watched instance: its automated and manual backups, and its recovery window."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from bot.domain.assessment import failures, fresh_until, next_deadline, running
from bot.domain.errors import REFUSED_KEYS, RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup, Instance, matching
from bot.domain.observations import (
    Observed,
    missing_manual,
    saw_automated,
    saw_copies,
    saw_gone,
    saw_instance,
    saw_manual,
    saw_recovery,
)
from bot.domain.watches import READ_EVERY, Limits
from bot.monitor.ports import Catalogue, Own, Rds
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

Learn = Callable[[Observed], Observed]

TROUBLED_EVERY = timedelta(minutes=30)  # with an open incident, or while a backup runs
FAILING_EVERY = timedelta(minutes=10)
SLACK = timedelta(seconds=1)  # after a deadline, so that what is read is later than it
MANUAL_EVERY = timedelta(hours=3)
RECOVERY_EVERY = timedelta(hours=2)
COPIES_EVERY = timedelta(days=1)
MOST_LOOKS = 5  # for missing backups, one by one; if these are gone, the list is believed


class Reader:
    """Makes as few calls as it can. What it learns is applied to what is known by then."""

    def __init__(self, rds: Rds, catalogue: Catalogue, own: Own, clock: Clock) -> None:
        self._rds = rds
        self._catalogue = catalogue
        self._own = own
        self._clock = clock

    async def instances(self) -> list[Instance]:
        """Return the instances that can be watched, as last listed."""
        return matching(await self._catalogue.known(0.0), "")

    async def read(self, known: Observed, limits: Sequence[Limits]) -> Learn:
        """Return what was learned. Raises RdsError and StoreUnavailable."""
        instance = await self._instance(known)
        if instance is None:
            return await self._gone(known)
        learned: list[Learn] = [await self._automated(known, instance)]
        automated = learned[0](known)
        if self._wants_manual(automated, limits):
            learned.append(await self._manual(known))
        if self._wants_recovery(automated, limits):
            learned.append(await self._recovery(known))
        if self._wants_copies(automated):
            learned.append(await self._copies(known))
        return lambda later: _all(learned, later)

    async def _instance(self, known: Observed) -> Instance | None:
        """Return the instance as last listed; None only if RDS said again that it's gone."""
        listed = await self._catalogue.known(0.0)
        for instance in listed:
            if instance.id == known.instance_id:
                return instance
        if known.gone_at is not None:
            return None
        return await self._catalogue.current(known.instance_id)

    async def _gone(self, known: Observed) -> Learn:
        at = self._clock.now()
        if known.gone_at is not None:
            return lambda later: later.model_copy(update={"failing": None})
        try:
            left = await self._rds.list_backups(known.instance_id, backup_type="manual", idle=True)
        except RdsRefused as error:
            if error.reason in REFUSED_KEYS:
                raise
            left = []
        return lambda later: saw_gone(later, at, left)

    async def _automated(self, known: Observed, instance: Instance) -> Learn:
        at = self._clock.now()
        listed = await self._rds.list_backups(known.instance_id, backup_type="auto", idle=True)
        return lambda later: saw_automated(saw_instance(later, instance, at), listed, at)

    def _wants_manual(self, known: Observed, limits: Sequence[Limits]) -> bool:
        """Return whether to list manual backups, too: one of them may be the good one."""
        now = self._clock.now()
        if known.manual_read_at is None or now - known.manual_read_at >= MANUAL_EVERY:
            return True
        is_running = any(backup.type == "manual" for backup in running(known))
        return (
            is_running
            or bool(failures(known))
            or any(fresh_until(known, one) <= now for one in limits)
        )

    async def _manual(self, known: Observed) -> Learn:
        at = self._clock.now()
        listed = await self._rds.list_backups(known.instance_id, backup_type="manual", idle=True)
        missing = missing_manual(known, listed)
        ours = await self._own.deletions_of([backup.id for backup in missing])
        others = [b for b in missing if b.id not in ours]
        looked_for = others[:MOST_LOOKS]
        deleted = [b for b in looked_for if await self._is_gone(b)]
        if len(deleted) == len(looked_for):
            deleted = others
        unlisted = [b for b in others if b not in deleted]
        return lambda later: saw_manual(later, listed, at, deleted, unlisted)

    async def _is_gone(self, backup: Backup) -> bool:
        """Return whether RDS doesn't know the backup by its ID either; lists may lack some."""
        try:
            found = await self._rds.find_backup(backup.instance_id, backup.id)
        except RdsRefused as error:
            if error.says_gone:
                return True
            raise
        return found is None

    def _wants_recovery(self, known: Observed, limits: Sequence[Limits]) -> bool:
        now, newest = self._clock.now(), known.recoverable_until
        if known.recovery_read_at is None or now - known.recovery_read_at >= RECOVERY_EVERY:
            return True
        return newest is not None and any(newest + one.recovery_within <= now for one in limits)

    async def _recovery(self, known: Observed) -> Learn:
        """Read how far back one can go; not every engine and account says so.

        No answer changes nothing of what is known; none at all is a gap from the last one on.
        """
        at = self._clock.now()
        try:
            windows = await self._rds.restore_windows(known.instance_id)
        except RdsRefused as error:
            if error.reason is RefusalReason.CREDENTIALS:
                raise
            log.info("recovery_window_unknown", instance=known.label, code=error.code)
            if known.recoverable_until is not None:
                return lambda later: later
            windows = []
        newest = max((window.end for window in windows), default=known.recoverable_until)
        return lambda later: saw_recovery(later, newest, at)

    def _wants_copies(self, known: Observed) -> bool:
        read_at = known.copies_read_at
        return read_at is None or self._clock.now() - read_at >= COPIES_EVERY

    async def _copies(self, known: Observed) -> Learn:
        """Read to which region backups are copied; not every engine, region, and key may say.

        Whatever the answer, it is the only call in a day: nothing urgent depends on it.
        """
        at = self._clock.now()
        region: str | None = None
        try:
            region = await self._rds.copies_to(known.instance_id)
        except RdsError as error:
            if isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS:
                raise
            log.info("copies_unknown", instance=known.label, code=error.code)
            region = known.copies_to if isinstance(error, RdsUnreachable) else None
        return lambda later: saw_copies(later, region, at)


def _all(learned: Sequence[Learn], known: Observed) -> Observed:
    for learn in learned:
        known = learn(known)
    return known


def is_refused(error: RdsError) -> bool:
    """Return whether RDS rejects the bot's key, or what the key may do."""
    return isinstance(error, RdsRefused) and error.reason in REFUSED_KEYS


def next_read(
    known: Observed, limits: Sequence[Limits], now: datetime, *, is_open: bool
) -> datetime:
    """Return when to read an instance again; `is_open` if something is wrong with it."""
    if known.gone_at is not None:
        return now + READ_EVERY
    if known.failing is not None:
        return now + FAILING_EVERY
    regular = now + (TROUBLED_EVERY if is_open or running(known) else READ_EVERY)
    deadlines = [next_deadline(known, one, now) for one in limits]
    return min([regular, *(at + SLACK for at in deadlines if at)])
