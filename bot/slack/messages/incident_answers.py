"""Answers to clicks on an incident's message, and the form that snoozes it."""

from datetime import timedelta
from typing import Any

from slack_sdk.models.blocks import (
    InputBlock,
    Option,
    PlainTextObject,
    RadioButtonsElement,
    SectionBlock,
)
from slack_sdk.models.views import View

from bot.application.incident_clicks import IncidentAnswer, IncidentVerdict
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.slack.messages.ids import SNOOZE, SNOOZE_VIEW
from bot.slack.messages.incident_words import label
from bot.slack.messages.mrkdwn import Message, date, mention, said, verbatim

SNOOZES = {
    "1": "1 hour",
    "4": "4 hours",
    "24": "1 day",
    "72": "3 days",
    "168": "1 week",
}


def incident_answer(answer: IncidentAnswer) -> Message:
    """Say what a click did."""
    incident = answer.incident
    if incident is None or answer.verdict is IncidentVerdict.UNKNOWN:
        return said("I can't find this incident any longer. Nothing changed.")
    match answer.verdict:
        case IncidentVerdict.ENDED:
            return said(_was_over(incident))
        case IncidentVerdict.ALREADY:
            return said("You've already acknowledged this. Nothing changed.")
        case IncidentVerdict.NOT_POSSIBLE:
            return said("That isn't possible for this incident. Nothing changed.")
        case IncidentVerdict.TAKEN_OVER:
            return said(f"{mention(answer.before or '')} had this; it's yours now.")
        case _:
            return said(_done(incident))


def _done(incident: Incident) -> str:
    if incident.ending is Ending.EXPECTED and incident.kind is IncidentKind.KEPT_SHORTER:
        return "Marked as expected. I'll report it if the retention gets even shorter."
    if incident.ending is Ending.EXPECTED:
        return "Marked as expected. I won't report similar backups of this instance again."
    if incident.ending is Ending.KNOWN:
        return "Acknowledged, and closed: this doesn't change back on its own."
    if incident.snoozed_until:
        return (
            f"Snoozed until {date(incident.snoozed_until)}. I'll say so if it's still open then."
        )
    return "Acknowledged. I'll post here when it recovers."


def _was_over(incident: Incident) -> str:
    how = "had already recovered" if incident.ending is Ending.RECOVERED else "was already closed"
    how += f" by {mention(incident.ended_by)}" if incident.ended_by else ""
    at = f" ({date(incident.ended_at)})" if incident.ended_at else ""
    return f"This {how}{at}. Nothing changed."


def snooze_view(incident: Incident) -> dict[str, Any]:
    """Return the form for choosing how long to snooze."""
    options = [Option(value=hours, label=text) for hours, text in SNOOZES.items()]
    chosen = RadioButtonsElement(action_id=SNOOZE, options=options, initial_option=options[1])
    what = label(incident.instance_name, incident.kind)
    says = (
        f"{what}. I'll stay quiet about it until the time is up, then say so if it's still open."
    )
    return View(
        type="modal",
        callback_id=SNOOZE_VIEW,
        title=PlainTextObject(text="Snooze"),
        submit=PlainTextObject(text="Snooze"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=incident.id,
        blocks=[
            SectionBlock(text=verbatim(says)),
            InputBlock(block_id=SNOOZE, label="For how long?", element=chosen),
        ],
    ).to_dict()


def snooze_of(view: dict[str, Any]) -> timedelta:
    """Return the time that was chosen. Raises ValueError for a value of another release."""
    values = view.get("state", {}).get("values", {})
    chosen = values.get(SNOOZE, {}).get(SNOOZE, {}).get("selected_option") or {}
    hours = str(chosen.get("value", ""))
    if hours not in SNOOZES:
        raise ValueError(hours)
    return timedelta(hours=int(hours))
