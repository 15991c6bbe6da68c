"""The message of an incident, and the replies below it."""

from datetime import datetime

from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import Incident
from bot.slack.messages.mrkdwn import Message, name, said


def incident_message(incident: Incident, *, now: datetime, command: str) -> Message:
    """Return the message, which always shows the present state."""
    return said(f"*{name(incident.instance_name)}*: {incident.kind}")


def incident_reply(incident: Incident, line: IncidentLine, *, now: datetime) -> Message:
    """Return a reply below the message."""
    return said(f"{line}")
