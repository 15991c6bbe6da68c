"""The call budget: RDS allows each user 60 calls a minute."""

from enum import IntEnum

from bot.runtime.clock import Clock
from bot.runtime.rate_limit import Budget, CallLog

# Huawei's default policy is "60 calls/min per user"; calls may take a second on their way.
WINDOW = 61.0  # seconds


class Priority(IntEnum):
    """Which calls go first when they have to queue."""

    CREATE = 0
    LOOK_UP = 1
    SWEEP = 2  # from here on it can wait, and leaves a fifth to the others
    PROGRESS = 3
    IDLE = 4  # nobody waits for it


def call_budget(calls_per_minute: int, clock: Clock, ledger: CallLog | None = None) -> Budget:
    """Return the budget of one IAM user."""
    return Budget("rds", calls_per_minute, WINDOW, clock, ledger, spared_from=Priority.SWEEP)
