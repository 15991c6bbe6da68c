"""A cache of the backups that RDS listed, by instance."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import structlog

from bot.domain.errors import RdsError
from bot.domain.instances import Backup, BackupStatus, Instance, begun
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

TTL = 60.0  # seconds
STALE, GLANCES = 3600.0, 20  # seconds before a list is refreshed, and how many at once


class Rds(Protocol):
    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]: ...


class BackupCache:
    """Saves calls, because RDS allows only 60 a minute."""

    def __init__(self, rds: Rds, clock: Clock) -> None:
        self._rds = rds
        self._clock = clock
        self._cache = Cache[str, list[Backup]](clock)  # by instance ID
        self._last_good: dict[str, Backup | None] = {}  # by instance ID, for home tabs
        self._is_looking = False

    async def of(self, instance_id: str, timeout_seconds: float) -> list[Backup]:
        """Return the instance's backups, at most a minute old; concurrent callers share a call.

        Raises TimeoutError if RDS takes longer than `timeout_seconds` of real time, and RdsError.
        """
        async with asyncio.timeout(timeout_seconds):
            return await self._cache.get(instance_id, partial(self._read, instance_id), ttl=TTL)

    async def _read(self, instance_id: str, *, idle: bool = False) -> list[Backup]:
        backups = await self._rds.list_backups(instance_id, idle=idle)
        self._last_good[instance_id] = _last_good(backups)
        return backups

    def knows(self, instance_id: str) -> bool:
        """Return whether the instance's backups were ever listed."""
        return self._cache.peek(instance_id) is not None

    def last_good(self, instance_id: str) -> Backup | None:
        """Return the newest completed backup that is known."""
        return self._last_good.get(instance_id)

    async def look_around(self, instances: Sequence[Instance]) -> None:
        """Refresh the oldest lists with a few low-priority calls."""
        if self._is_looking:
            return
        self._is_looking = True
        try:
            ids = sorted((i.id for i in instances), key=self._cache.age, reverse=True)
            for instance_id in [i for i in ids if self._cache.age(i) > STALE][:GLANCES]:
                at = self._clock.monotonic()
                # Separate from `of`, whose callers must not wait for a low-priority call.
                self._cache.put(instance_id, await self._read(instance_id, idle=True), at)
        except RdsError as error:
            log.info("looking_around_ended", code=error.code)
        finally:
            self._is_looking = False


def _last_good(backups: Sequence[Backup]) -> Backup | None:
    good = (
        backup
        for backup in backups
        if backup.status == BackupStatus.COMPLETED and backup.type != "incremental"
    )
    return max(good, key=begun, default=None)
