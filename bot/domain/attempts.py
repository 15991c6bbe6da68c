"""The attempts to make RDS do what was approved, and when to retry."""

import zlib
from datetime import datetime, timedelta
from typing import Self

from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.frozen import Frozen

FIRST_GAP, LONGEST_GAP = 2.0, 300.0  # seconds
JITTER = 0.25  # a delay is longer or shorter by up to this part of it
LASTING = 4  # failures in a row (about 30 s) before people are told
BUSY_GAP = timedelta(seconds=30)  # the shortest wait in RDS's own tools
MENDING_GAP = timedelta(minutes=10)  # after a refused key: a few wrong signatures lock it
MENDING = timedelta(hours=12)  # keys are renewed by people, who may be asleep
BUSY = (
    RefusalReason.INSTANCE_BUSY,
    RefusalReason.BACKUP_RUNNING,
    RefusalReason.BACKUP_IN_USE,
)
PATIENT = (*BUSY, RefusalReason.CREDENTIALS)  # refusals that can pass


def may_pass(error: RdsError) -> bool:
    """Return whether a retry may succeed; a 404 without a code is a proxy's, not RDS's."""
    if not isinstance(error, RdsRefused):
        return True
    not_found = (RefusalReason.INSTANCE_NOT_FOUND, RefusalReason.BACKUP_NOT_FOUND)
    return error.reason in PATIENT or (error.reason in not_found and not error.says_gone)


class Attempt(Frozen):
    """The retry state, stored before each call, so that a restart keeps deadline and backoff."""

    since: datetime  # the decision
    give_up_at: datetime  # the deadline: nothing is sent after it
    tries: int = 0  # calls sent or about to be
    failures: int = 0  # in a row, without a clear answer
    not_before: datetime | None = None  # time of the next call
    in_doubt_since: datetime | None = None  # by RDS's clock: it may have been done since then
    accepted: bool = False  # RDS accepted it
    others: tuple[str, ...] | None = None  # backups with this name listed before the create
    reason: RefusalReason | None = None  # of the last refusal, if any
    code: str = ""
    rds_request_id: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Return whether the deadline has passed."""
        return now >= self.give_up_at

    @property
    def in_trouble(self) -> bool:
        """Whether the first call didn't succeed."""
        return self.failures > 0 or self.reason is not None

    @property
    def is_busy(self) -> bool:
        """Whether RDS was busy at the last call."""
        return self.reason in BUSY

    def left(self, now: datetime) -> float:
        """Return the seconds until the next call or the deadline."""
        until = min(self.not_before or now, self.give_up_at)
        return max(0.0, (until - now).total_seconds())

    def sending(self, rds_now: datetime) -> Self:
        """Return the state before a call: from now on it may have been carried out."""
        since = self.in_doubt_since or rds_now
        return self.model_copy(update={"tries": self.tries + 1, "in_doubt_since": since})

    def doubted(self, since: datetime | None) -> Self:
        """Return the state with unknown outcomes only since then, or none."""
        return self.model_copy(update={"in_doubt_since": since})

    def later(self, now: datetime, key: str) -> Self:
        """Return the state with a retry after the next backoff; `key` spreads many requests."""
        failures = self.failures + 1
        gap = _gap(None, failures, key)
        return self.model_copy(update={"failures": failures, "not_before": now + gap})

    def failed(self, error: RdsError, now: datetime, key: str) -> Self:
        """Return the state after an error, with the time of the retry; `key` as in `later`."""
        reason = error.reason if isinstance(error, RdsRefused) else None
        failures = 0 if reason in PATIENT else self.failures + 1
        give_up_at = self.give_up_at
        if reason is RefusalReason.CREDENTIALS:
            give_up_at = max(give_up_at, self.since + MENDING)
        told = error.retry_after if isinstance(error, RdsUnreachable) else None
        gap = max(_gap(reason, failures, key), timedelta(seconds=told or 0))
        return self.model_copy(
            update={
                "give_up_at": give_up_at,
                "failures": failures,
                "not_before": now + gap,
                "reason": reason,
                "code": error.code,
                "rds_request_id": error.request_id,
            }
        )


def _gap(reason: RefusalReason | None, failures: int, key: str) -> timedelta:
    if reason is RefusalReason.CREDENTIALS:
        return MENDING_GAP
    if reason in BUSY:
        return BUSY_GAP
    return timedelta(seconds=delay_after(failures, FIRST_GAP, LONGEST_GAP, key))


def delay_after(failures: int, first: float, longest: float, key: str) -> float:
    """Return the seconds to wait after this many failures in a row; doubles up to a maximum.

    The jitter depends only on the key and the failures, so it is the same after a restart.
    """
    fraction = zlib.crc32(f"{key}:{failures}".encode()) / 0xFFFFFFFF
    delay = min(first * (1 << min(failures - 1, 16)), longest)
    return delay * (1 + JITTER * (2 * fraction - 1))
