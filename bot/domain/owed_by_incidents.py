"""What an incident owes its channel: one message that shows its state, and few words below it."""

from collections.abc import Iterator
from datetime import datetime

from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.domain.outbox import About, Owed, Urgency
from bot.domain.thread_lines import CARD


def incident_card(incident: Incident, not_before: datetime | None = None) -> Owed:
    """Return its message: posted, or edited to show its current state."""
    return Owed(
        topic_id=incident.id,
        about=About.INCIDENT,
        line=CARD,
        destination=incident.channel_id,
        urgency=Urgency.OUTCOME,
        call=incident.mention,
        not_before=not_before,
    )


def incident_line(
    incident: Incident, line: IncidentLine, subject: str = "", not_before: datetime | None = None
) -> Owed:
    """Return a reply below it."""
    return Owed(
        topic_id=incident.id,
        about=About.INCIDENT,
        line=line,
        destination=incident.channel_id,
        urgency=Urgency.PEOPLE,
        subject=subject,
        not_before=not_before,
    )


def owed_by_incident(
    before: Incident | None, after: Incident, now: datetime, not_before: datetime | None = None
) -> tuple[Owed, ...]:
    """Return what a change brings; `not_before` is when its channel may be disturbed again."""
    return tuple(_owed(before, after, now, not_before))


def _owed(
    before: Incident | None, after: Incident, now: datetime, not_before: datetime | None
) -> Iterator[Owed]:
    if before is None:
        yield incident_card(after, not_before)
        return
    if before == after:
        return
    yield incident_card(after, not_before)
    if not after.is_open:
        # Who acknowledged it is on the card, and what superseded it has its own.
        if after.ending not in (Ending.KNOWN, Ending.SUPERSEDED):
            yield incident_line(after, IncidentLine.ENDED, str(after.times), not_before)
    elif after.is_snoozed(now):
        return
    elif not before.is_open:
        line = IncidentLine.FLAPPING if after.flapping_since else IncidentLine.AGAIN
        yield incident_line(after, line, str(after.times), not_before)
    elif before.kind is IncidentKind.FAILED and after.kind is IncidentKind.STALE:
        times = "" if after.flapping_since else str(after.times)  # of what flaps only once
        yield incident_line(after, IncidentLine.GREW, times)
