"""The backups that RDS listed lately, by instance: asked for once, and remembered."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from bot.domain.errors import RdsError
from bot.domain.instances import Backup, BackupStatus, Instance, begun
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

FRESH = 60.0  # seconds for which a list of backups is believed
STALE, GLANCES = 3600.0, 20  # seconds until a list is worth a spare call; and how many of those


class Rds(Protocol):
    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]: ...


class BackupCache:
    """Answers from memory where it can; RDS allows sixty calls a minute."""

    def __init__(self, rds: Rds, clock: Clock) -> None:
        self._rds = rds
        self._clock = clock
        self._looking = False
        self._lists: dict[str, tuple[float, list[Backup]]] = {}  # by instance: when, and what
        self._last_good: dict[str, Backup | None] = {}  # home tabs ask about all of them
        self._asking: dict[str, asyncio.Task[list[Backup]]] = {}

    async def of(self, instance_id: str, timeout_seconds: float) -> list[Backup]:
        """The instance's backups, at most a minute old; those who ask at once share a call.

        Raises TimeoutError if RDS does not answer within `patience` seconds of real time.
        """
        at, backups = self._lists.get(instance_id, (float("-inf"), []))
        if self._clock.monotonic() - at <= FRESH:
            return backups
        if instance_id not in self._asking:
            task = asyncio.create_task(self._list(instance_id))
            self._asking[instance_id] = task
            task.add_done_callback(lambda done: self._asked(instance_id, done))
        async with asyncio.timeout(timeout_seconds):
            return await asyncio.shield(self._asking[instance_id])

    def _asked(self, instance_id: str, done: asyncio.Task[list[Backup]]) -> None:
        self._asking.pop(instance_id, None)
        if not done.cancelled():
            done.exception()  # nobody may be left who waits for it

    async def _list(self, instance_id: str, *, idle: bool = False) -> list[Backup]:
        asked_at = self._clock.monotonic()
        backups = await self._rds.list_backups(instance_id, idle=idle)
        self._lists[instance_id] = asked_at, backups
        self._last_good[instance_id] = _last_good(backups)
        return backups

    def knows(self, instance_id: str) -> bool:
        """Whether anybody has looked at its backups yet."""
        return instance_id in self._lists

    def last_good(self, instance_id: str) -> Backup | None:
        """The newest backup that completed, as far as is known."""
        return self._last_good.get(instance_id)

    async def look_around(self, instances: Sequence[Instance]) -> None:
        """Spend a few spare calls on those whose backups were listed longest ago."""
        if self._looking:
            return
        self._looking = True
        try:
            long_ago = self._clock.monotonic() - STALE
            stale = [instance for instance in instances if self._seen_at(instance) < long_ago]
            for instance in sorted(stale, key=self._seen_at)[:GLANCES]:
                await self._list(instance.id, idle=True)
        except RdsError as error:
            log.info("looking_around_ended", code=error.code)
        finally:
            self._looking = False

    def _seen_at(self, instance: Instance) -> float:
        return self._lists.get(instance.id, (float("-inf"), []))[0]


def _last_good(backups: Sequence[Backup]) -> Backup | None:
    good = (
        backup
        for backup in backups
        if backup.status == BackupStatus.COMPLETED and backup.type != "incremental"
    )
    return max(good, key=begun, default=None)
