"""What is stuck: requests, messages, and audit entries that wait for longer than they can."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.domain.attempts import MENDING
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState, Retention

SLACK_TIME = timedelta(minutes=10)  # for what is due at a certain time, after a restart
SENDING_TIME = timedelta(hours=1)  # for the last call, after the bot has decided to give up
LONGEST_BACKUP = timedelta(hours=24)
DELETION_TIME = timedelta(days=2)  # for the notice, which people get a day to read


class StuckKind(StrEnum):
    """What is wrong."""

    NO_BOT = "no_bot"  # something waits, and no bot is running
    NO_WORKFLOW = "no_workflow"  # a request that nothing continues
    WORKFLOW_FAILED = "workflow_failed"
    REPLICA_DIED = "replica_died"  # the one that continued a request
    STATE_OVERDUE = "state_overdue"  # a request that is in a state for longer than that lasts
    NOT_SENT = "not_sent"  # a message that Slack doesn't accept
    GIVEN_UP = "given_up"  # a message that Slack has refused for good
    NOT_SEALED = "not_sealed"  # audit entries without a place in the chain
    LEASE_EXPIRED = "lease_expired"  # a replica that died, and that no other one has removed


@dataclass(frozen=True)
class Stuck:
    """One thing that is stuck, and what helps."""

    kind: StuckKind
    what: str
    since: datetime | None
    why: str
    cure: str


class Limit(NamedTuple):
    """Until when a request can be in its state; else why it may be, and what helps."""

    until: datetime
    why: str
    cure: str


RESTART = "This should happen without help. Restart the bot; if that doesn't help, report it."


def limit_of(request: BackupRequest) -> Limit | None:
    """Return the limit of a request's state, or None if it has none."""
    match request.state:
        case RequestState.SUBMITTED:
            until, why = request.asked_at + MENDING, "RDS hasn't said whether its instance exists"
            cure = "It goes on when RDS responds: `backup-bot check` asks RDS. "
            cure += "The requester can withdraw it."
        case RequestState.AWAITING_APPROVAL if request.expires_at:
            until, cure = request.expires_at + SLACK_TIME, RESTART
            why = "it should have expired by now"
        case RequestState.APPROVED:
            until, cure = request.decided + SENDING_TIME, RESTART
            why = "it is approved, and nothing was sent to RDS"
        case RequestState.RUNNING:
            until = (request.started_at or request.asked_at) + LONGEST_BACKUP
            why = "RDS hasn't reported its end"
            cure = "The bot keeps asking RDS. Look at the backup in the RDS console."
        case RequestState.COMPLETED if request.deleted_after and request.retention in (
            None,
            Retention.WARNED,
        ):
            until, why = request.deleted_after + DELETION_TIME, "it should be deleted by now"
            cure = "It is deleted a day after Slack accepts the notice: see `backup-bot outbox`."
        case _ if request.is_being_sent:
            give_up_at = request.attempt.give_up_at if request.attempt else None
            until = (give_up_at or request.decided + MENDING) + SENDING_TIME
            why, cure = "the bot should have given up by now", RESTART
        case _:
            return None
    return Limit(until, why, cure)
