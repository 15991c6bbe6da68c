"""What is said of a request, and under which name it is written down that it was."""

from enum import StrEnum

CARD = "card"  # the card among a request's messages; its lines go by their own names


class ThreadLine(StrEnum):
    """A reply in the request's thread; each is said at most once a request and subject."""

    COUNTED = "counted"  # an approval, and more are needed; its subject is who gave it
    REMINDER = "reminder"  # it still waits; its subject is the how manyth it is
    BREAK_GLASS = "break_glass"  # started without approval: by whom and why
    APPROVED = "approved"  # by whom; it starts now
    BUSY = "busy"  # RDS does something else with the instance; it starts when that is over
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS did not answer the create; looking the name up
    STARTED = "started"  # RDS accepted it, or it was found by name (`request.adopted`)
    OVERDUE = "overdue"  # it takes longer than usual
    RDS_AWAY = "rds_away"  # nothing can be found out; its subject is the how manyth time it is
    KEYS_REFUSED = "keys_refused"  # the same, because RDS does not take the bot's own keys
    RDS_BACK = "rds_back"  # that is over
    EXPIRING = "expiring"  # the backup will be deleted tomorrow
    KEPT = "kept"  # it will not: by whom
    BACKUP_DELETED = "backup_deleted"  # by itself, as it was asked for
    STAYS = "stays"  # it was to be deleted, and RDS does not do it
    ENDED = "ended"  # the final state, whichever it is

    def about(self, subject: str) -> str:
        """Under what it is written down that this was said, once a subject."""
        return f"{self}:{subject}" if subject else self.value


POINTER = "pointer"  # in the thread from which it was asked: a link to the card
PUT_OFF = "put_off"  # what the requester alone is told while RDS is away and there is no card
NO_KEYS = "no_keys"  # the same while RDS refuses the bot's own keys
TOLD = "told"  # what the requester alone was told, of a request that never had a card
GIVEN_UP = "given_up"  # neither channel nor requester can be written to: nobody is left to tell
ANNOUNCED = (
    ThreadLine.ENDED.value,
    TOLD,
    GIVEN_UP,
)  # one of these was said of every request that ended
