"""The call budget: RDS allows 60 calls a minute a user, whatever they are for."""

from enum import IntEnum

from bot.runtime.clock import Clock
from bot.runtime.rate_limit import Budget, CallLog

# Huawei's default policy is "60 calls/min per user"; calls may take a second on their way.
WINDOW = 61.0  # seconds


class Priority(IntEnum):
    """What goes first when calls have to queue."""

    CREATE = 0
    LOOK_UP = 1
    SWEEP = 2  # from here on it can wait, and leaves a fifth to the others
    PROGRESS = 3
    IDLE = 4  # nobody waits for it


def call_budget(calls_per_minute: int, clock: Clock, ledger: CallLog | None = None) -> Budget:
    """The budget of one IAM user."""
    return Budget("rds", calls_per_minute, WINDOW, clock, ledger, spared_from=Priority.SWEEP)
