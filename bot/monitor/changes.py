"""What a change of an incident brings with it: messages, and entries of the audit log."""

from collections.abc import Iterable
from datetime import datetime

from bot.application.ports import Change
from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.channels import Channel
from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import CAN_WAIT, Incident
from bot.domain.owed_by_incidents import incident_card, incident_line, owed_by_incident
from bot.domain.triage import Step


class Changes:
    """Knows when each channel may be disturbed."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels = {channel.id: channel for channel in channels}

    def of(self, step: Step, now: datetime) -> Change:
        """Return a change that the bot found, with all that it brings."""
        before, after = step
        return Change(
            before=before,
            after=after,
            owed=owed_by_incident(before, after, now, self._not_before(after, now)),
            entries=_entries(before, after, now),
        )

    def _not_before(self, incident: Incident, now: datetime) -> datetime | None:
        """Return when the channel's quiet hours end, for what can wait."""
        channel = self._channels.get(incident.channel_id)
        return channel.not_before(now) if channel and incident.kind in CAN_WAIT else None


def woken_up(step: Step) -> Change:
    """Return the change when a snooze is over."""
    before, after = step
    until = before.snoozed_until if before else None
    line = incident_line(after, IncidentLine.SNOOZE_OVER, str(until))
    return Change(before=before, after=after, owed=(incident_card(after), line))


def _entries(before: Incident | None, after: Incident, now: datetime) -> list[AuditEntry]:
    """Return the audit entries of a change that the bot found."""
    action = None
    if before is None or (not before.is_open and after.is_open):
        action = AuditAction.INCIDENT_OPENED
    elif before.is_open and not after.is_open:
        action = AuditAction.INCIDENT_ENDED
    if action is None:
        return []
    since = after.opened_at.isoformat()
    return [after.on_trail(action, at=now, actor=OURSELVES, since=since)]
