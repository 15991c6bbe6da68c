"""How the steps wait for RDS to answer a question that changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from bot.domain.attempts import MENDING_GAP, may_pass
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.thread_lines import ThreadLine
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_GAP, LONGEST_GAP = 2.0, 60.0  # seconds between two tries while RDS cannot be reached
LASTING = 16.0  # such a gap, from which on people hear that RDS is away


async def retried(
    clock: Clock,
    call: Callable[[], Awaitable[T]],
    tell: Callable[[ThreadLine], Awaitable[None]],
    *,
    mending_until: datetime,
) -> T:
    """Make a call that changes nothing until RDS answers it.

    `tell` is done when this lasts, with RDS_AWAY or KEYS_REFUSED, and has to say each only once.
    Raises RdsRefused: of refused keys if nobody has mended them by `mending_until`.
    """
    gap = FIRST_GAP
    while True:
        try:
            answer = await call()
        except (RdsUnreachable, RdsRefused) as error:
            is_late = _are_keys_refused(error) and clock.now() >= mending_until
            if is_late or not may_pass(error):
                raise
            await _wait(clock, error, gap, tell)
        else:
            if gap > FIRST_GAP:
                log.info("rds_reachable_again")
            return answer
        gap = min(gap * 2, LONGEST_GAP)


async def _wait(
    clock: Clock, error: RdsError, gap: float, tell: Callable[[ThreadLine], Awaitable[None]]
) -> None:
    if _are_keys_refused(error):
        await tell(ThreadLine.KEYS_REFUSED)
        await clock.sleep(MENDING_GAP.total_seconds())
        return
    if gap == FIRST_GAP:
        log.warning("rds_unreachable", code=error.code, request_id=error.request_id)
    if gap >= LASTING / 2:
        await tell(ThreadLine.RDS_AWAY)
    told = error.retry_after if isinstance(error, RdsUnreachable) else None
    await clock.sleep(max(gap, told or 0.0))


def _are_keys_refused(error: RdsError) -> bool:
    return isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS
