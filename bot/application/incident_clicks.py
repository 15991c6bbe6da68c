"""Acknowledge, snooze, and expect incidents: the last click wins, and none re-opens one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.application.ports import Change, Conflict
from bot.domain.audit import AuditAction
from bot.domain.incidents import CAN_BE_EXPECTED, SIGNALS, Ending, Incident, IncidentKind
from bot.domain.observations import (
    Observed,
    Signal,
    declared_normal,
    got_used_to,
    without_deletion,
)
from bot.domain.owed_by_incidents import owed_by_incident
from bot.runtime.clock import Clock

LONGEST_SNOOZE = timedelta(days=30)
MOST_TRIES = 10  # while others change the same incident


class IncidentVerdict(StrEnum):
    """What a click did."""

    DONE = "done"
    TAKEN_OVER = "taken_over"  # someone else had acknowledged it
    ALREADY = "already"  # they had acknowledged it themselves
    ENDED = "ended"  # it was over: nothing changed
    UNKNOWN = "unknown"  # there is no such incident
    NOT_POSSIBLE = "not_possible"  # it can't be expected, or snoozed for so long


@dataclass(frozen=True)
class IncidentAnswer:
    """What a click did, to which incident, and who had acknowledged it before."""

    verdict: IncidentVerdict
    incident: Incident | None = None
    before: str | None = None


class Incidents(Protocol):
    """Raises StoreUnavailable, and Conflict where someone else changed an incident meanwhile."""

    async def load(self, incident_id: str) -> Incident | None: ...
    async def recent(self, instance_id: str, since: datetime) -> list[Incident]: ...
    async def observed(self, instance_id: str) -> Observed | None: ...
    async def save(
        self,
        changes: Sequence[Change] = (),
        observed: Observed | None = None,
        due_at: datetime | None = None,
    ) -> None: ...


Decide = Callable[[Incident], Incident]


class IncidentClicks:
    """Raises StoreUnavailable. `load` finds the incident of a button."""

    def __init__(self, incidents: Incidents, clock: Clock) -> None:
        self._incidents = incidents
        self._clock = clock

    async def load(self, incident_id: str) -> Incident | None:
        """Return the incident, or None."""
        return await self._incidents.load(incident_id)

    async def acknowledge(self, incident_id: str, user_id: str) -> IncidentAnswer:
        """Note that someone has it. What doesn't recover is over with that."""
        now = self._clock.now()

        def acknowledged(incident: Incident) -> Incident:
            if incident.acknowledged_by == user_id:
                return incident
            return incident.acknowledged(user_id, now)

        action = AuditAction.INCIDENT_ACKNOWLEDGED
        return await self._decide(incident_id, user_id, action, acknowledged)

    async def snooze(self, incident_id: str, user_id: str, span: timedelta) -> IncidentAnswer:
        """Be quiet about it for a while, at most 30 days."""
        if not timedelta() < span <= LONGEST_SNOOZE:
            return IncidentAnswer(IncidentVerdict.NOT_POSSIBLE)
        until = self._clock.now() + span
        return await self._decide(
            incident_id,
            user_id,
            AuditAction.INCIDENT_SNOOZED,
            lambda incident: incident.snoozed(user_id, until),
        )

    async def expect(self, incident_id: str, user_id: str) -> IncidentAnswer:
        """Declare it normal; the like of it isn't reported again."""
        now = self._clock.now()
        found = await self._incidents.load(incident_id)
        if found and found.kind not in CAN_BE_EXPECTED:
            return IncidentAnswer(IncidentVerdict.NOT_POSSIBLE, found)
        return await self._decide(
            incident_id,
            user_id,
            AuditAction.INCIDENT_EXPECTED,
            lambda incident: incident.ended(now, Ending.EXPECTED, user_id),
        )

    async def _decide(
        self, incident_id: str, user_id: str, action: AuditAction, decide: Decide
    ) -> IncidentAnswer:
        for _ in range(MOST_TRIES):
            before = await self._incidents.load(incident_id)
            if before is None:
                return IncidentAnswer(IncidentVerdict.UNKNOWN)
            if not before.is_open:
                return IncidentAnswer(IncidentVerdict.ENDED, before)
            after = decide(before)
            if after == before:
                return IncidentAnswer(IncidentVerdict.ALREADY, before)
            try:
                await self._save(before, after, user_id, action)
            except Conflict:
                continue
            return _answer(before, after)
        raise Conflict(incident_id)

    async def _save(
        self, before: Incident, after: Incident, user_id: str, action: AuditAction
    ) -> None:
        now = self._clock.now()
        known = await self._incidents.observed(after.instance_id) if not after.is_open else None
        learned = _learned(known, after) if known else None
        steps = [(before, after)]
        if known == learned:
            learned = None
        if learned is not None or after.ending is Ending.KNOWN:
            # No channel's next reading finds it again, or it changes back in none of them.
            others = await self._incidents.recent(after.instance_id, now)
            steps += [
                (other, _settled(other, after)) for other in others if _is_like(other, after)
            ]
        changes = [_change(*step, user_id, action, now) for step in steps]
        await self._incidents.save(changes, learned)


def _answer(before: Incident, after: Incident) -> IncidentAnswer:
    had = before.acknowledged_by
    if had and after.acknowledged_by not in (None, had):
        return IncidentAnswer(IncidentVerdict.TAKEN_OVER, after, had)
    return IncidentAnswer(IncidentVerdict.DONE, after)


def _is_like(other: Incident, settled: Incident) -> bool:
    """Return whether another channel's incident is about the same thing."""
    is_other = other.id != settled.id and other.is_open
    return is_other and other.kind is settled.kind and other.key == settled.key


def _settled(other: Incident, settled: Incident) -> Incident:
    """Return another channel's incident, ended by the same click."""
    at, ending = settled.ended_at or other.opened_at, settled.ending or Ending.KNOWN
    return other.ended(at, ending, settled.ended_by)


def _change(
    before: Incident, after: Incident, user_id: str, action: AuditAction, now: datetime
) -> Change:
    until = after.snoozed_until if after.is_open else None
    detail = {"until": until.isoformat()} if until else {}
    entry = after.on_trail(action, at=now, actor=user_id, **detail)
    return Change(before, after, owed_by_incident(before, after, now), [entry])


def _learned(known: Observed, after: Incident) -> Observed:
    """Return what is known of the instance, with what a person has said of it."""
    if after.kind is IncidentKind.KEPT_SHORTER:
        return got_used_to(known)
    if after.kind is IncidentKind.DELETED:
        return without_deletion(known, after.subject)
    signal, backup = SIGNALS.get(after.kind), after.facts.backup
    if after.ending is not Ending.EXPECTED or signal is None or backup is None:
        return known
    if signal is Signal.SIZE:
        return declared_normal(known, signal, float(backup.size_kb or 0))
    return declared_normal(known, signal, (backup.duration or timedelta()).total_seconds())
