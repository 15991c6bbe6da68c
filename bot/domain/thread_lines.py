"""The messages about a request, by their names in the outbox."""

from enum import StrEnum

CARD = "card"  # the request's card; replies have their own names


class ThreadLine(StrEnum):
    """A reply in the request's thread, posted at most once per request and subject."""

    COUNTED = "counted"  # an approval, more are needed; subject: who gave it
    REMINDER = "reminder"  # still waiting; subject: the number of the reminder
    BREAK_GLASS = "break_glass"  # started without approval
    APPROVED = "approved"  # approved; it starts now
    BUSY = "busy"  # RDS is busy with the instance; it starts later
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS didn't respond to the create; checking by name
    STARTED = "started"  # accepted, or found by name (`request.adopted`)
    OVERDUE = "overdue"  # taking longer than usual
    RDS_AWAY = "rds_away"  # RDS isn't responding; subject: the number of the outage
    KEYS_REFUSED = "keys_refused"  # RDS rejects the bot's access key
    RDS_BACK = "rds_back"  # RDS is responding again
    EXPIRING = "expiring"  # the backup will be deleted in a day
    KEPT = "kept"  # someone kept it
    BACKUP_DELETED = "backup_deleted"  # automatically, as requested
    STAYS = "stays"  # RDS wouldn't delete it
    ENDED = "ended"  # any final state


POINTER = "pointer"  # a link to the card, in the thread where it was requested
FINISHED = "finished"  # to the requester only: how it ended, if they want to know
WANTED = "wanted"  # to an approver only: their approval is wanted; subject: who
PUT_OFF = "put_off"  # to the requester only: no card yet because RDS isn't responding
NO_KEYS = "no_keys"  # to the requester only: no card yet because RDS rejects the key
NO_CARD = "no_card"  # to the requester only: the card can't be posted; subject: Slack's code
