"""How the steps wait for RDS: while it is away, and while it refuses for the time being."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import structlog

from bot.clock import Clock
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.lines import Line
from bot.domain.requests import BackupRequest
from bot.lifecycle.world import World

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_GAP, LONGEST_GAP = 2.0, 60.0  # seconds between two tries while RDS cannot be reached
LASTING = 16.0  # such a gap, from which on people hear that RDS is away
MENDING_GAP = 600.0  # seconds to the next call after a refused key: wrong signatures lock it


class Patience(NamedTuple):
    """How what RDS refuses for the time being is asked again."""

    line: Line  # said once
    gap: float  # seconds between two
    lasts: timedelta  # since the decision; after that, the approval was for another day


# 30 s is the shortest that RDS's own tools wait; keys are renewed by people, who may sleep.
BUSY = Patience(Line.BUSY, 30.0, timedelta(hours=2))
PATIENCE = {
    RefusalReason.INSTANCE_BUSY: BUSY,
    RefusalReason.BACKUP_RUNNING: BUSY,
    RefusalReason.BACKUP_IN_USE: BUSY,
    RefusalReason.CREDENTIALS: Patience(Line.KEYS_REFUSED, MENDING_GAP, timedelta(hours=12)),
}


async def wait_out(
    world: World, request: BackupRequest, error: RdsRefused, since: datetime
) -> bool:
    """Wait before RDS is asked once more, and say once why; False if it refuses for good."""
    patience = PATIENCE.get(error.reason)
    if patience is None or world.clock.now() - since > patience.lasts:
        return False
    await world.voice.say(request, patience.line)
    await world.clock.sleep(patience.gap)
    return True


class Outage:
    """The gaps between tries while RDS cannot be reached, each twice as long as the one before.

    `lasting` is done once it is no mere hiccup: when the next gap is going to be `from_gap`.
    """

    def __init__(
        self,
        clock: Clock,
        lasting: Callable[[], Awaitable[object]] | None = None,
        from_gap: float = LASTING,
    ) -> None:
        self._clock = clock
        self._lasting = lasting
        self._from_gap = from_gap
        self._gap = FIRST_GAP

    @property
    def has_begun(self) -> bool:
        return self._gap > FIRST_GAP

    async def wait(self, error: RdsError) -> None:
        """Return when the call that met the error may be made again."""
        if not self.has_begun:
            log.warning("rds_unreachable", code=error.code, request_id=error.request_id)
        if self._lasting and self._gap < self._from_gap <= self._gap * 2:
            await self._lasting()
        told = error.retry_after if isinstance(error, RdsUnreachable) else None
        await self._clock.sleep(max(self._gap, told or 0.0))
        self._gap = min(self._gap * 2, LONGEST_GAP)


async def patiently(
    clock: Clock,
    call: Callable[[], Awaitable[T]],
    lasting: Callable[[], Awaitable[None]] | None = None,
) -> T:
    """Make a call that changes nothing until RDS answers it, and say once that it does not.

    `lasting` is done once it is no mere hiccup.
    """
    outage = Outage(clock, lasting)
    while True:
        try:
            answer = await call()
        except RdsUnreachable as error:
            await outage.wait(error)
        else:
            if outage.has_begun:
                log.info("rds_reachable_again")
            return answer
