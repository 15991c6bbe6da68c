"""Request the deletion of a backup, under the same policy as a backup."""

from contextlib import suppress
from dataclasses import dataclass

from bot.application.backup_cache import BackupCache
from bot.application.backups import Backups
from bot.application.deadlines import ACK_DEADLINE
from bot.application.made_backups import made_here
from bot.application.origin import Origin, requested
from bot.application.ports import Catalogue, Store
from bot.domain.commands import DeleteBackup
from bot.domain.deleting import deletable
from bot.domain.errors import BackupUnknown, NameTaken, RdsError, RequestOpen, UserError
from bot.domain.instances import Backup, Instance
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.runtime.clock import Clock


@dataclass(frozen=True)
class DeletionTarget:
    """A backup to delete; `backup` is None if RDS hasn't listed it yet."""

    instance: Instance
    name: str
    backup: Backup | None


class Deletions:
    """Finds a backup and requests its deletion."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        lists: BackupCache,
        backups: Backups,
        clock: Clock,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._lists = lists
        self._backups = backups
        self._clock = clock

    async def find(
        self, command: DeleteBackup, timeout_seconds: float = ACK_DEADLINE
    ) -> DeletionTarget:
        """Return the backup, checked against RDS's list if RDS answers in time.

        If the list lacks a backup that this bot made, the workflow looks it up by its ID.
        Raises BackupUnknown, BackupNotManual, BackupBusy, InstanceNotReady, and what
        `Catalogue.find` raises.
        """
        instance = await self._instance(command)
        with suppress(RdsError, TimeoutError):
            listed = await self._lists.of(instance.id, timeout_seconds)
            try:
                return DeletionTarget(
                    instance, command.name, deletable(command.name, instance, listed)
                )
            except BackupUnknown:
                if not await made_here(self._store, command.name, instance.id):
                    raise
        return DeletionTarget(instance, command.name, None)

    async def ask(self, command: DeleteBackup, origin: Origin) -> BackupRequest:
        """Save the request and start its workflow.

        Raises what `find` raises, RequestOpen and StoreUnavailable.
        """
        try:
            instance = await self._instance(command)
        except (UserError, RdsError) as error:
            await self._backups.note_refusal(self._requested(command, origin), error)
            raise
        request = self._requested(command, origin).model_copy(update={"instance": instance})
        try:
            return await self._backups.submit(request, instance)
        except NameTaken as error:
            is_open = RequestOpen(command.name, error.requested_by)
            await self._backups.note_refusal(request, is_open)
            raise is_open from error

    def _requested(self, command: DeleteBackup, origin: Origin) -> BackupRequest:
        return requested(
            origin,
            self._clock.now(),
            kind=Kind.DELETE,
            reference=command.instance or "",
            name=command.name,
            description="",
        )

    async def _instance(self, command: DeleteBackup) -> Instance:
        """Return the named instance, or the one that this bot backed up."""
        if command.instance:
            return await self._catalogue.find(command.instance, ACK_DEADLINE)
        made = await self._store.requests(
            names=[command.name], kind=Kind.CREATE, states=[RequestState.COMPLETED], limit=1
        )
        if not made or made[0].instance is None:
            raise BackupUnknown(command.name)
        return made[0].instance
