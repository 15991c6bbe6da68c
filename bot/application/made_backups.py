"""The backups that this bot made, as its own store knows them."""

from bot.application.ports import Store
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState, Retention

MADE = (RequestState.COMPLETED, RequestState.FAILED)  # RDS keeps one that failed, and its name


async def made_here(
    store: Store, name: str, instance_id: str | None = None
) -> list[BackupRequest]:
    """The requests whose backups have this name, the newest first; of one instance, or of any.

    Those that RDS is known to have deleted are left out.
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
