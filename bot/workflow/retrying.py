"""How the steps wait for RDS to answer a question that changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from bot.domain.attempts import MENDING_GAP, may_pass
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.thread_lines import ThreadLine
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_GAP, LONGEST_GAP = 2.0, 60.0  # seconds between two tries while RDS cannot be reached
LASTING = 3  # failures in a row after which people are told that RDS is away


async def retried(
    clock: Clock,
    call: Callable[[], Awaitable[T]],
    tell: Callable[[ThreadLine], Awaitable[None]],
    *,
    key: str,
    mending_until: datetime,
) -> T:
    """Retry a call that changes nothing until RDS answers it.

    When it takes long, `tell` is called with RDS_AWAY or KEYS_REFUSED, possibly several times.
    Raises RdsRefused; refused keys are retried until `mending_until`.
    """
    backoff = Backoff(clock, FIRST_GAP, LONGEST_GAP, key=key)
    while True:
        try:
            answer = await call()
        except (RdsUnreachable, RdsRefused) as error:
            is_late = _are_keys_refused(error) and clock.now() >= mending_until
            if is_late or not may_pass(error):
                raise
            await _wait(clock, error, backoff, tell)
        else:
            if backoff.failures:
                log.info("rds_reachable_again")
            return answer


async def _wait(
    clock: Clock, error: RdsError, backoff: Backoff, tell: Callable[[ThreadLine], Awaitable[None]]
) -> None:
    delay = backoff.failed()
    if _are_keys_refused(error):
        await tell(ThreadLine.KEYS_REFUSED)
        await clock.sleep(MENDING_GAP.total_seconds())
        return
    if backoff.failures == 1:
        log.warning("rds_unreachable", code=error.code, request_id=error.request_id)
    if backoff.failures >= LASTING:
        await tell(ThreadLine.RDS_AWAY)
    told = error.retry_after if isinstance(error, RdsUnreachable) else None
    await clock.sleep(max(delay, told or 0.0))


def _are_keys_refused(error: RdsError) -> bool:
    return isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS
