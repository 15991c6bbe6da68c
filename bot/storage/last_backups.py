"""The last good backup of each instance, as any replica last saw it."""

from pydantic import ValidationError
from sqlalchemy import RowMapping, select

from bot.domain.instances import Backup, LastBackup
from bot.storage.store import Store
from bot.storage.tables import last_backups, upsert


class LastBackups:
    """Keeps them in the database. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> list[LastBackup]:
        """Return all of them, except those that can't be read."""
        rows = await self._store.rows(select(last_backups))
        return [found for row in rows if (found := _last(row))]

    async def save(self, last: LastBackup) -> None:
        """Write one, unless what is there was seen later."""
        backup = last.backup.model_dump(mode="json") if last.backup else None
        values = {"backup": backup, "seen_at": last.seen_at}
        write = upsert(self._store.engine.dialect, last_backups)
        write = write.values(instance_id=last.instance_id, **values)
        write = write.on_conflict_do_update(
            index_elements=[last_backups.c.instance_id],
            set_=values,
            where=last_backups.c.seen_at <= last.seen_at,
        )
        await self._store.at_once(write, last_backups.c.instance_id)


def _last(row: RowMapping) -> LastBackup | None:
    try:
        backup = Backup.model_validate(row["backup"]) if row["backup"] else None
    except ValidationError:
        return None
    return LastBackup(row["instance_id"], backup, row["seen_at"])
