"""Successful backups that channels are told of, in the database."""

from sqlalchemy import select

from bot.domain.successes import NewSuccess, Success, SuccessDay, latest_first, owed_by_success
from bot.storage.store import Store
from bot.storage.tables import successes, upsert
from bot.storage.transaction import Transaction


async def tell_success(store: Store, transaction: Transaction, new: NewSuccess) -> None:
    """Write a success and owe it to its channel, unless the channel knows of this backup."""
    row = {
        "channel_id": new.channel_id,
        "backup_id": new.success.backup.id,
        "topic_id": new.topic_id,
        "in_thread": new.in_thread,
        "content": new.success.model_dump(mode="json"),
    }
    write = upsert(store.engine.dialect, successes).values(row)
    key = [successes.c.channel_id, successes.c.backup_id]
    write = write.on_conflict_do_nothing(index_elements=key)
    if await transaction.is_new(write, successes.c.backup_id):
        await transaction.owe(*owed_by_success(new))


async def load_successes(store: Store, topic_id: str) -> SuccessDay | None:
    """Return what a channel is told of a day, as of now."""
    rows = await store.rows(select(successes).where(successes.c.topic_id == topic_id))
    if not rows:
        return None
    return SuccessDay(
        id=topic_id,
        channel_id=rows[0]["channel_id"],
        in_thread=rows[0]["in_thread"],
        successes=latest_first([Success.model_validate(row["content"]) for row in rows]),
    )
