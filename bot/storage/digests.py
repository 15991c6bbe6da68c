"""Digests in the database."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from bot.application.ports import Conflict
from bot.domain.digests import Digest
from bot.domain.outbox import About, Owed, Urgency
from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import CARD
from bot.storage.reading import request_of, will_be_deleted
from bot.storage.store import Store
from bot.storage.tables import UtcDateTime, digests, requests


class Digests:
    """Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def last(self, now: datetime) -> dict[str, datetime]:
        """Return when each channel's last digest was due; later ones are of a wrong clock."""
        due = func.max(digests.c.due_at, type_=UtcDateTime).label("due_at")
        query = select(digests.c.channel_id, due).where(digests.c.due_at <= now)
        query = query.group_by(digests.c.channel_id)
        return {row["channel_id"]: row["due_at"] for row in await self._store.rows(query)}

    async def kept_for_a_while(self) -> list[BackupRequest]:
        """Return the requests whose backups this bot deletes later, without their votes."""
        rows = await self._store.rows(select(requests).where(will_be_deleted()))
        return [request_of(row, ()) for row in rows]

    async def save(self, digest: Digest) -> bool:
        """Write a digest and owe it to its channel; return False if another replica has."""
        row: dict[str, Any] = digest.model_dump(include={"id", "channel_id", "due_at", "owner"})
        row["content"] = digest.model_dump(mode="json")
        message = Owed(
            topic_id=digest.id,
            about=About.DIGEST,
            line=CARD,
            destination=digest.channel_id,
            urgency=Urgency.PROGRESS,
        )
        try:
            async with self._store.transaction() as transaction:
                await transaction.execute(insert(digests).values(row))
                await transaction.owe(message)
        except Conflict:
            return False
        return True


async def load_digest(store: Store, digest_id: str) -> Digest | None:
    """Return a digest as it was made."""
    query = select(digests.c.content).where(digests.c.id == digest_id)
    return next((Digest.model_validate(row["content"]) for row in await store.rows(query)), None)
