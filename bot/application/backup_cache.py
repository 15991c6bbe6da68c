"""A cache of the backups that RDS listed, by instance."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from bot.domain.errors import RdsError, StoreUnavailable
from bot.domain.instances import AutomatedPolicy, Backup, BackupStatus, Instance, LastBackup, begun
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

TTL = 60.0  # seconds
STALE, GLANCES = 3600.0, 20  # seconds before a list is refreshed, and how many at once


class Rds(Protocol):
    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]: ...
    async def automated_policy(self, instance_id: str) -> AutomatedPolicy: ...


class LastBackups(Protocol):
    """The last good backups that any replica has seen. Raises StoreUnavailable."""

    async def load(self) -> Sequence[LastBackup]: ...
    async def save(self, last: LastBackup) -> None: ...


class BackupCache:
    """Saves calls, because RDS allows only 60 a minute.

    The last good backups are kept in the database, so that a bot that has just started knows
    them, and what other replicas see.
    """

    def __init__(self, rds: Rds, clock: Clock, kept: LastBackups) -> None:
        self._rds = rds
        self._clock = clock
        self._kept = kept
        self._cache = Cache[str, list[Backup]](clock)  # by instance ID
        self._last: dict[str, LastBackup] = {}  # by instance ID
        self._is_looking = False

    async def of(self, instance_id: str, timeout_seconds: float) -> list[Backup]:
        """Return the instance's backups, at most a minute old; concurrent callers share a call.

        Raises TimeoutError if RDS takes longer than `timeout_seconds` of real time, and RdsError.
        """
        async with asyncio.timeout(timeout_seconds):
            return await self._cache.get(instance_id, partial(self._read, instance_id), ttl=TTL)

    async def _read(self, instance_id: str, *, idle: bool = False) -> list[Backup]:
        seen_at = self._clock.now()
        backups = await self._rds.list_backups(instance_id, idle=idle)
        await self._keep(LastBackup(instance_id, _last_good(backups), seen_at))
        return backups

    async def automated_policy(self, instance_id: str) -> AutomatedPolicy:
        """Return when RDS makes automated backups. Raises RdsError."""
        return await self._rds.automated_policy(instance_id)

    async def saw(self, backup: Backup) -> None:
        """Learn that a backup has ended, without a call."""
        last = self.last_good(backup.instance_id)
        if (good := _last_good([backup])) and (last is None or begun(last) <= begun(good)):
            await self._keep(LastBackup(backup.instance_id, good, self._clock.now()))

    async def warm(self) -> None:
        """Load what any replica has seen."""
        with suppress(StoreUnavailable):
            for last in await self._kept.load():
                self._learn(last)

    def knows(self, instance_id: str) -> bool:
        """Return whether the instance's backups were ever listed."""
        return instance_id in self._last

    def last_good(self, instance_id: str) -> Backup | None:
        """Return the newest completed backup that is known."""
        last = self._last.get(instance_id)
        return last.backup if last else None

    async def look_around(self, instances: Sequence[Instance]) -> None:
        """Refresh the oldest lists with a few low-priority calls."""
        if self._is_looking:
            return
        self._is_looking = True
        try:
            await self.warm()
            by_age = sorted(instances, key=lambda one: self._age(one.id), reverse=True)
            stale = [one for one in by_age if self._age(one.id) > STALE]
            failing, left = set[str](), GLANCES  # projects, and lists to read
            while stale and left:
                one = stale.pop(0)
                if one.project not in failing:
                    left -= 1
                    await self._glance(one, failing)
        finally:
            self._is_looking = False

    async def _glance(self, instance: Instance, failing: set[str]) -> None:
        """Refresh one list. If RDS fails, add the instance's project to those that are failing."""
        at = self._clock.monotonic()
        try:
            # Separate from `of`, whose callers must not wait for a low-priority call.
            self._cache.put(instance.id, await self._read(instance.id, idle=True), at)
        except RdsError as error:
            log.info("looking_around_ended", code=error.code, project=instance.project)
            failing.add(instance.project)

    def _age(self, instance_id: str) -> float:
        last = self._last.get(instance_id)
        return (self._clock.now() - last.seen_at).total_seconds() if last else math.inf

    async def _keep(self, last: LastBackup) -> None:
        self._learn(last)
        with suppress(StoreUnavailable):
            await self._kept.save(last)

    def _learn(self, last: LastBackup) -> None:
        known = self._last.get(last.instance_id)
        if known is None or known.seen_at <= last.seen_at:
            self._last[last.instance_id] = last


def _last_good(backups: Sequence[Backup]) -> Backup | None:
    good = (
        backup
        for backup in backups
        if backup.status == BackupStatus.COMPLETED and backup.type != "incremental"
    )
    return max(good, key=begun, default=None)
