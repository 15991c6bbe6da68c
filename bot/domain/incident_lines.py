"""The messages about an incident, by their names in the outbox."""

from enum import StrEnum


class IncidentLine(StrEnum):
    """A reply under an incident's message, posted at most once per incident and subject."""

    GREW = "grew"  # a backup failed, and now there is none within the limit
    AGAIN = "again"  # it came back within two hours; subject: how often
    FLAPPING = "flapping"  # it opens again and again, so it stays open; subject: how often
    SNOOZE_OVER = "snooze_over"  # it is still open; subject: the end of the snooze
    ENDED = "incident_ended"  # subject: how often it had come back


BROADCAST = {
    IncidentLine.GREW,
    IncidentLine.FLAPPING,
    IncidentLine.SNOOZE_OVER,
    IncidentLine.ENDED,
}  # in the channel, too
