"""Finds out what happened to running backups, for the whole fleet in a few calls.

RDS allows 60 calls a minute. Asking about one backup costs a call; a page of list-instances
costs a call too and shows 100 instances, of which a running backup's says `BACKING UP`.
Each round takes the cheaper of the two; a backup that a sweep shows no longer running is asked
about directly, and so is every backup at least each five minutes, because a status is a hint.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.errors import RdsError
from bot.domain.instances import Backup, BackupStatus, Instance

log = structlog.get_logger(__name__)

TRUST_A_HINT = 300.0  # seconds since a backup was last asked about directly
STAND_BACK = 15.0  # seconds to the next round after one that failed; doubles up to five minutes
LONGEST_STAND_BACK = 300.0


class Rds(Protocol):
    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None: ...
    async def list_instances(self) -> list[Instance]: ...


@dataclass(eq=False)
class Look:
    """Somebody waits for what RDS says of one backup."""

    instance_id: str
    backup_id: str
    due: float  # on the clock's monotonic scale
    answer: asyncio.Future[Backup | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Watcher:
    """Answers `look`s in rounds; `run` is the one task that calls RDS for all of them."""

    def __init__(self, rds: Rds, clock: Clock) -> None:
        self._rds = rds
        self._clock = clock
        self._looks: set[Look] = set()
        self._asked_directly: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._instance_pages = 1
        self._stand_back = 0.0

    async def look(self, instance_id: str, backup_id: str, after: float) -> Backup | None:
        """What RDS says of the backup `after` seconds from now; None if it is not listed."""
        look = Look(instance_id, backup_id, self._clock.monotonic() + after)
        self._looks.add(look)
        self._changed.set()
        try:
            return await look.answer
        finally:
            self._looks.discard(look)

    async def run(self) -> None:
        """Tick when a look is due, for ever."""
        while True:
            self._changed.clear()
            soonest = min((look.due for look in self._looks), default=float("inf"))
            wait = min(soonest - self._clock.monotonic(), LONGEST_STAND_BACK)
            if wait > 0:
                await self._clock.wait(self._changed, wait)
            else:
                await self.tick()

    async def tick(self) -> None:
        """One round over all looks that are due. A round that fails is put off, and said once."""
        now = self._clock.monotonic()
        due = [look for look in self._looks if look.due <= now]
        try:
            await self._ask(due)
        except RdsError as error:
            if not self._stand_back:
                log.warning("watching_interrupted", code=error.code, request_id=error.request_id)
            self._stand_back = min(max(STAND_BACK, self._stand_back * 2), LONGEST_STAND_BACK)
            for look in due:
                look.due = now + self._stand_back
        else:
            if self._stand_back:
                log.info("watching_again")
            self._stand_back = 0.0

    async def _ask(self, due: list[Look]) -> None:
        stale = self._clock.monotonic() - TRUST_A_HINT
        hinted = [look for look in due if self._asked_directly.get(look.backup_id, stale) > stale]
        if len({look.instance_id for look in hinted}) > self._instance_pages:
            running = await self._sweep()
            for look in hinted:
                if look.instance_id in running:
                    _answer(look, _still_running(look))
        await asyncio.gather(*(self._confirm(look) for look in due if not look.answer.done()))

    async def _sweep(self) -> set[str]:
        """The ids of all instances that are being backed up."""
        instances = await self._rds.list_instances()
        self._instance_pages = 1 + len(instances) // 100
        return {instance.id for instance in instances if instance.status == "BACKING UP"}

    async def _confirm(self, look: Look) -> None:
        backup = await self._rds.find_backup(look.instance_id, look.backup_id)
        if backup is not None and backup.status == BackupStatus.BUILDING:
            self._asked_directly[look.backup_id] = self._clock.monotonic()
        else:
            self._asked_directly.pop(look.backup_id, None)
        _answer(look, backup)


def _answer(look: Look, backup: Backup | None) -> None:
    if not look.answer.done():
        look.answer.set_result(backup)


def _still_running(look: Look) -> Backup:
    return Backup(
        id=look.backup_id,
        instance_id=look.instance_id,
        name="",
        status=BackupStatus.BUILDING,
    )
