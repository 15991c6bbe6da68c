"""The ports of the workflow's steps."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.instances import Accepted, Backup, Instance
from bot.domain.progress import Expected

OnTurn = Callable[[], Awaitable[None]]


class Rds(Protocol):
    """RDS v3. Raises the RdsError tree of `bot/domain/errors.py`."""

    def skew_of(self, instance_id: str) -> timedelta:
        """RDS's clock minus ours, where the instance is."""
        ...

    async def create_backup(
        self, instance_id: str, name: str, description: str, *, on_turn: OnTurn
    ) -> Accepted:
        """Start a backup; `on_turn` is awaited right before the request is sent."""
        ...

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None
    ) -> list[Backup]: ...
    async def delete_backup(
        self, instance_id: str, backup_id: str, *, on_turn: OnTurn
    ) -> None: ...


class Catalogue(Protocol):
    """The project's instances."""

    async def find(self, reference: str, timeout_seconds: float) -> Instance: ...
    async def current(self, instance_id: str) -> Instance | None:
        """The instance as RDS shows it now, or None if this list lacks it."""
        ...


class Watcher(Protocol):
    """Looks at running backups, within the call budget."""

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        """What RDS says of the backup `after` seconds from now; None once it is gone.

        It is gone once RDS, asked for it by its id, has said so three times in a row. Raises
        RdsError if RDS doesn't answer in time, unless `patient`.
        """
        ...

    async def follow(
        self,
        instance_id: str,
        backup_id: str,
        began: datetime,
        expected: Expected,
        *,
        within: float,
        patient: bool = False,
    ) -> Backup | None:
        """What RDS says of the backup at its end, or `within` seconds from now; None if it's gone.

        Raises RdsError as `look` does. If `patient`, it also returns when an outage is over.
        """
        ...
