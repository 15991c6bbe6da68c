"""Those who wait for news of a backup."""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field

from bot.domain.absence import LOOK_AGAIN
from bot.domain.errors import RdsError
from bot.domain.instances import Backup, BackupStatus

ENDED = frozenset({BackupStatus.COMPLETED, BackupStatus.FAILED})


@dataclass(eq=False)
class Probe:
    """Someone who waits for what RDS says of a backup at a certain time, or before, at its end."""

    instance_id: str
    backup_id: str
    due: float  # on the clock's monotonic scale
    waits_for_end: bool  # whether its end is news before that time
    patient: bool  # waits through any outage
    absences: int = 0  # answers in a row that didn't list the backup
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    _backup: Backup | None = None
    _error: RdsError | None = None

    def result(self) -> Backup | None:
        """Return the answer. Raises RdsError if that is the answer."""
        if self._error:
            raise self._error
        return self._backup

    def answer(self, backup: Backup | None) -> None:
        """Answer with a backup, or None if it is gone."""
        self._backup = backup
        self.answered.set()

    def fail(self, error: RdsError) -> None:
        """Answer with an error, unless this one waits through any outage."""
        if not self.patient and not self.answered.is_set():
            self._error = error
            self.answered.set()

    def still_running(self) -> Backup:
        """Return the backup as it was last known."""
        return Backup(
            id=self.backup_id,
            instance_id=self.instance_id,
            name="",
            status=BackupStatus.BUILDING,
        )


class Probes:
    """All probes that wait for an answer."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Probe]] = defaultdict(list)  # by backup ID
        self._looks: set[Probe] = set()  # those with a time of their own

    def add(self, probe: Probe) -> None:
        """Let it wait."""
        self._of[probe.backup_id].append(probe)
        if probe.due < math.inf:
            self._looks.add(probe)

    def remove(self, probe: Probe) -> bool:
        """Forget it; return whether no one else waits for the end of its backup."""
        self._of[probe.backup_id].remove(probe)
        self._looks.discard(probe)
        others = any(other.waits_for_end for other in self._of[probe.backup_id])
        if not self._of[probe.backup_id]:
            del self._of[probe.backup_id]
        return not others

    def first(self) -> Probe | None:
        """Return the one whose time comes first."""
        waiting = (probe for probe in self._looks if not probe.answered.is_set())
        return min(waiting, key=lambda probe: probe.due, default=None)

    def of(self, backup_id: str) -> list[Probe]:
        """Return those that wait for news of a backup."""
        return [p for p in self._of.get(backup_id, ()) if not p.answered.is_set()]

    def looks_at(self, instance_id: str) -> list[Probe]:
        """Return those that wait for their time to see a backup of an instance."""
        return [probe for probe in self._looks if probe.instance_id == instance_id]

    def all(self) -> list[Probe]:
        """Return all of them."""
        return [probe for backup_id in self._of for probe in self.of(backup_id)]

    def answer_patient(self, backup_id: str | None = None) -> None:
        """Tell the patient ones who wait for an end, of one backup or all, that RDS is back."""
        for probe in self.all() if backup_id is None else self.of(backup_id):
            if probe.patient and probe.waits_for_end:
                probe.answer(probe.still_running())

    def tell(self, backup_id: str, backup: Backup | None, now: float) -> float | None:
        """Answer those who wait for what RDS says; None is an answer that lacks the backup.

        Returns the seconds until RDS should be asked again whether it is gone, if it may be.
        """
        gap = None
        for probe in self.of(backup_id):
            if probe.waits_for_end and backup is None and probe.absences < len(LOOK_AGAIN):
                gap = LOOK_AGAIN[probe.absences]
                probe.absences += 1
                probe.due = max(probe.due, now + gap)
            elif probe.due <= now or (probe.waits_for_end and _is_end(backup)):
                probe.answer(backup)
            else:
                probe.absences = 0
        return gap


def _is_end(backup: Backup | None) -> bool:
    return backup is None or backup.status in ENDED
