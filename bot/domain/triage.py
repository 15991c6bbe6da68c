"""Which incidents open, change, and end, given what is wrong now."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import uuid4

from bot.domain.assessment import ended_at
from bot.domain.incidents import (
    CALM_FOR,
    FLAP_TIMES,
    FLAP_WITHIN,
    SUPERSEDED_BY,
    Ending,
    Finding,
    Incident,
    comes_back,
)
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
        if current is None:
            yield from _opened(watching, finding, ours, known, now)
        elif (after := current.as_found(finding)) != current:
            yield current, after
    kinds = {finding.kind for finding in findings}
    for incident in still_open.values():
        if SUPERSEDED_BY.get(incident.kind) in kinds:
            yield incident, incident.ended(now, Ending.SUPERSEDED)
            continue
        over = _over(incident, known, now)
        after = _calm(incident, over, now) if incident.flapping_since else over
        if after != incident:
            yield incident, after


def _opened(
    watching: Watching,
    finding: Finding,
    ours: Sequence[Incident],
    known: Observed | None,
    now: datetime,
) -> Iterator[Step]:
    """Yield the incident that a finding opens: a new one, or one that comes back."""
    last = _last_ended(ours, finding)
    if last is None:
        yield None, _new(watching, finding, known, now)
    elif len(openings := _lately(ours, finding)) + 1 >= FLAP_TIMES:
        yield last, last.flapping(finding, openings, now)
    elif comes_back(last, finding):
        yield last, last.again(finding, now)
    elif not _is_settled(last, finding):
        yield None, _new(watching, finding, known, now)


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


def _calm(incident: Incident, over: Incident, now: datetime) -> Incident:
    """Return an incident that flaps ended only once it has been calm for long enough."""
    if over.ending is not Ending.RECOVERED or over.ended_at is None:
        return over
    calm = incident.model_copy(update={"facts": over.facts}).calm(over.ended_at)
    since = calm.calm_since or now
    return calm.ended(since, Ending.RECOVERED) if now - since >= CALM_FOR else calm


def _lately(incidents: Sequence[Incident], finding: Finding) -> list[datetime]:
    """Return when the same opened within the last day, and recovered each time."""
    recovered = [i for i in incidents if i.key == finding.key and i.ending is Ending.RECOVERED]
    openings = [at for incident in recovered for at in incident.last_openings]
    return [at for at in openings if finding.since - at <= FLAP_WITHIN]


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
        instance_name=known.label if known else "",
        kind=finding.kind,
        topic=topic,
        subject=subject,
        facts=finding.facts,
        owner=watching.owner,
        mention=watching.mention,
        opened_at=finding.since,
        openings=(finding.since,),
        noticed_at=now,
    )
