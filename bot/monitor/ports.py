"""The ports of the monitor."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from bot.application.ports import Change
from bot.domain.digests import Digest
from bot.domain.incidents import Incident
from bot.domain.instances import Backup, Instance, RestoreWindow
from bot.domain.observations import Observed, Pulse
from bot.domain.successes import NewSuccess
from bot.domain.watches import Watch


class Rds(Protocol):
    """Raises the RdsError tree."""

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None, idle: bool = False
    ) -> list[Backup]: ...
    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None: ...
    async def restore_windows(self, instance_id: str) -> list[RestoreWindow]: ...


class Catalogue(Protocol):
    """The project's instances, cached."""

    async def known(self, timeout_seconds: float) -> Sequence[Instance]: ...
    async def current(self, instance_id: str) -> Instance | None:
        """Return the instance as RDS shows it now, or None once three answers lack it."""
        ...


class Own(Protocol):
    """The backups that this bot makes and deletes. Raises StoreUnavailable."""

    async def own_backups(self, backup_ids: Collection[str]) -> set[str]:
        """Return those of the backups that this bot made."""
        ...

    async def deletions_of(self, backup_ids: Collection[str]) -> set[str]:
        """Return those of the backups that this bot was to delete."""
        ...


class Incidents(Protocol):
    """Watches, watched instances, and incidents; `storage/incidents.py` says what each does.

    Raises StoreUnavailable, and Conflict where someone else changed something meanwhile.
    """

    async def watches(self) -> list[Watch]: ...
    async def pulses(self) -> list[Pulse]: ...
    async def all_observed(self) -> list[Observed]: ...
    async def observed(self, instance_id: str) -> Observed | None: ...
    async def begin(self, new: Iterable[Observed], due_at: datetime) -> None: ...
    async def end(self, instance_ids: Iterable[str]) -> None: ...
    async def claim(self, now: datetime) -> Observed | None: ...
    async def next_due(self, now: datetime) -> datetime | None: ...
    async def put_off(self, instance_id: str, due_at: datetime) -> None: ...
    async def hurry(self, instance_ids: Iterable[str], now: datetime) -> None: ...
    async def open(self) -> list[Incident]: ...
    async def recent(self, instance_id: str, since: datetime) -> list[Incident]: ...
    async def snoozed(self) -> list[Incident]: ...
    async def of_channel(self, channel_id: str, since: datetime) -> list[Incident]: ...
    async def save(
        self,
        changes: Sequence[Change] = (),
        observed: Observed | None = None,
        due_at: datetime | None = None,
        successes: Iterable[NewSuccess] = (),
    ) -> None: ...


class Digests(Protocol):
    """The digests that were made. Raises StoreUnavailable."""

    async def last(self, now: datetime) -> dict[str, datetime]: ...
    async def save(self, digest: Digest) -> bool: ...
