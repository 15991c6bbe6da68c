"""Which incidents open, change, and end, given what is wrong now."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import uuid4

from bot.domain.assessment import ended_at
from bot.domain.incidents import Ending, Finding, Incident, comes_back
from bot.domain.observations import Observed
from bot.domain.watches import Watching

Step = tuple[Incident | None, Incident]  # before (None: it opens) and after


def triage(
    watching: Watching,
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    known: Observed | None,
    now: datetime,
) -> Iterator[Step]:
    """Yield the changes of one channel's incidents of one instance, or of all (`known` is None).

    `incidents` are those that are open or ended lately, of any channel.
    """
    ours = [incident for incident in incidents if incident.channel_id == watching.channel_id]
    still_open = {incident.key: incident for incident in ours if incident.is_open}
    for finding in findings:
        current = still_open.pop(finding.key, None)
        last = current or _last_ended(ours, finding)
        if last is None:
            yield None, _new(watching, finding, known, now)
        elif current is not None:
            if (after := current.as_found(finding)) != current:
                yield current, after
        elif comes_back(last, finding):
            yield last, last.again(finding, now)
        elif not _is_settled(last, finding):
            yield None, _new(watching, finding, known, now)
    for incident in still_open.values():
        yield incident, _over(incident, known, now)


def unwatched(incidents: Sequence[Incident], now: datetime) -> Iterator[Step]:
    """Yield the end of open incidents that no watch covers any longer."""
    for incident in incidents:
        if incident.is_open:
            yield incident, incident.ended(now, Ending.UNWATCHED)


def awake(incidents: Sequence[Incident], now: datetime) -> Iterator[Step]:
    """Yield the end of snoozes that are over."""
    for incident in incidents:
        if incident.is_open and incident.snoozed_until and incident.snoozed_until <= now:
            yield incident, incident.model_copy(update={"snoozed_by": None, "snoozed_until": None})


def _over(incident: Incident, known: Observed | None, now: datetime) -> Incident:
    """Return it ended: an instance that is gone has recovered from nothing."""
    if known is None:
        return incident.ended(now, Ending.RECOVERED)
    if known.gone_at is not None:
        return incident.ended(now, Ending.UNWATCHED)
    facts = incident.facts.model_copy(update={"last_good": known.last_good})
    latest = incident.model_copy(update={"facts": facts})
    return latest.ended(ended_at(incident, known, now), Ending.RECOVERED)


def _last_ended(incidents: Sequence[Incident], finding: Finding) -> Incident | None:
    ended = [i for i in incidents if i.key == finding.key and i.ended_at]
    return max(ended, key=lambda incident: incident.opened_at, default=None)


def _is_settled(last: Incident, finding: Finding) -> bool:
    """Return whether someone said that this very finding is known or expected."""
    by_a_person = last.ending in (Ending.KNOWN, Ending.EXPECTED)
    return by_a_person and finding.since <= last.opened_at


def _new(watching: Watching, finding: Finding, known: Observed | None, now: datetime) -> Incident:
    topic, subject = finding.key
    return Incident(
        id=f"i{uuid4().hex}",
        channel_id=watching.channel_id,
        instance_id=known.instance_id if known else "",
        instance_name=known.name if known else "",
        kind=finding.kind,
        topic=topic,
        subject=subject,
        facts=finding.facts,
        owner=watching.owner,
        mention=watching.mention,
        opened_at=finding.since,
        noticed_at=now,
    )
