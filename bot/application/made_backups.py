"""Find the backups that this bot made, in its own database."""

from bot.application.ports import Store
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState, Retention

# RDS keeps failed backups and their names, too.
MADE = (RequestState.COMPLETED, RequestState.FAILED)


async def made_here(
    store: Store, name: str, instance_id: str | None = None
) -> list[BackupRequest]:
    """Return the requests for backups with this name, newest first, of one instance or any.

    Leaves out backups that are known to be deleted.
    """
    made = await store.requests(names=[name], kind=Kind.CREATE, states=MADE)
    deletions = await store.requests(names=[name], kind=Kind.DELETE, states=[RequestState.DELETED])
    deleted = {deletion.backup_id for deletion in deletions}
    return [
        request
        for request in made
        if request.instance
        and instance_id in (None, request.instance.id)
        and request.retention is not Retention.DELETED
        and request.backup_id not in deleted
    ]
