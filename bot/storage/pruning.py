"""Delete what is finished and older than the operator wants to keep it.

Each step is one small transaction that can be the last: what a crash leaves is found again by
the next round. Nothing is deleted that the bot or a person still has to deal with.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Column, ColumnElement, and_, delete, func, or_, select, true

from bot.domain.audit import Archived, AuditAction, ChainedEntry
from bot.domain.errors import SettingsError, StoreUnavailable
from bot.domain.outbox import MessageState
from bot.runtime.clock import Clock
from bot.storage.archive import AuditArchive, NotArchived
from bot.storage.locks import only_pruner
from bot.storage.reading import is_unfinished
from bot.storage.store import Store
from bot.storage.tables import audit, digests, incidents, outbox, requests, successes

FIRST = 60.0  # seconds after the start: what was interrupted goes first
EVERY = 3600.0  # seconds between two rounds
GAP = 0.05  # seconds between two transactions, so that acks don't wait for several
TOPICS = 20  # requests, incidents, digests, or successes in one transaction
ENTRIES = 200  # audit entries deleted in one transaction
FILE = 10_000  # audit entries in one file
COLLECTS = timedelta(days=7)  # so that there is one file a week, and not one an hour
SEALED_WITHIN = 30  # seconds for a replica to seal an entry

log = structlog.get_logger(__name__)

Forget = Callable[[Collection[str]], Awaitable[Collection[str]]]


class Pruner:
    """Deletes what is finished and older than `keep`, on one replica at a time.

    `forget` deletes the workflows of requests, and returns those of which none is left. Without
    an `archive` the audit log stays as it is.
    """

    def __init__(
        self,
        store: Store,
        forget: Forget,
        clock: Clock,
        keep: timedelta,
        archive: AuditArchive | None = None,
    ) -> None:
        self._store = store
        self._forget = forget
        self._clock = clock
        self._keep = keep
        self._archive = archive

    async def run(self) -> None:
        """Prune every hour for as long as the bot runs."""
        await self._clock.sleep(FIRST)
        while True:
            try:
                async with only_pruner(self._store.engine) as is_only:
                    if is_only:
                        await self.prune()
            except NotArchived as error:
                log.error("audit_not_archived", why=str(error))  # noqa: TRY400, not a bug
            except (StoreUnavailable, SettingsError, OSError) as error:
                log.warning("pruning_put_off", error=repr(error))
            except Exception:  # a bug here must not end the bot
                log.exception("pruning_fell_over")
            await self._clock.sleep(EVERY)

    async def prune(self) -> None:
        """Delete everything that is old enough now.

        Raises StoreUnavailable, SettingsError or OSError if the database or the archive can't be
        used, and NotArchived if the audit log isn't what the bot wrote.
        """
        before = self._clock.now() - self._keep
        ended = func.coalesce(requests.c.finished_at, requests.c.decided_at, requests.c.asked_at)
        removed = {
            "requests": await self._remove(
                requests.c.id, and_(~is_unfinished(), ended < before), before, self._forget
            ),
            "incidents": await self._remove(incidents.c.id, incidents.c.ended_at < before, before),
            "digests": await self._remove(digests.c.id, digests.c.due_at < before, before),
            # A day of successes is as old as its last message.
            "successes": await self._remove(successes.c.topic_id, true(), before),
        }
        if self._archive:
            removed["audit_entries"] = await self._prune_audit(self._archive, before)
        if any(removed.values()):
            log.info("pruned", before=before.isoformat(timespec="seconds"), **removed)

    async def _remove(
        self,
        key: Column[str],
        is_over: ColumnElement[bool],
        before: datetime,
        forget: Forget | None = None,
    ) -> int:
        """Delete topics with their votes and messages; return how many."""
        is_old = and_(is_over, ~_is_spoken_of(key, before))
        removed, last = 0, ""
        while True:
            query = select(key.label("id")).where(is_old, key > last)
            rows = await self._store.rows(query.order_by(key).limit(TOPICS))
            if not rows:
                return removed
            ids: Collection[str] = [row["id"] for row in rows]
            last = rows[-1]["id"]
            # First the journal: a workflow without its request could never end.
            ids = await forget(ids) if forget else ids
            if ids:
                async with self._store.transaction() as transaction:
                    removed += await transaction.remove(key, and_(key.in_(ids), is_old))
            await self._clock.sleep(GAP)

    async def _prune_audit(self, archive: AuditArchive, before: datetime) -> int:
        """Write old entries to files, and delete them; return how many were deleted.

        Raises NotArchived if they aren't what the bot wrote.
        """
        removed = 0
        while True:
            removed += await self._remove_archived(archive)
            if (numbers := await self._due(before)) is None:
                return removed
            archived = await asyncio.to_thread(archive.write, *numbers)
            if await self._newest_archived() != archived:  # or a file was lost and written again
                async with self._store.transaction() as transaction:
                    await transaction.record(archived.entry(self._clock.now()))
            if not await self._is_sealed(archived):
                return removed

    async def _due(self, before: datetime) -> tuple[int, int] | None:
        """Return the first and last number of the entries for the next file, if it is time."""
        oldest = select(audit.c.number, audit.c.at).order_by(audit.c.number).limit(1)
        rows = await self._store.rows(oldest)
        if not rows or rows[0]["at"] >= before - COLLECTS:
            return None
        first: int = rows[0]["number"]
        in_file = audit.c.number.between(first, first + FILE - 1)
        younger = select(func.min(audit.c.number).label("number"))
        (found,) = await self._store.rows(younger.where(in_file, audit.c.at >= before))
        if found["number"] is not None:
            return first, found["number"] - 1
        (found,) = await self._store.rows(
            select(func.max(audit.c.number).label("number")).where(in_file)
        )
        return first, found["number"]

    async def _remove_archived(self, archive: AuditArchive) -> int:
        """Delete the entries that the newest file holds; return how many."""
        archived = await self._newest_archived()
        first = await self._first()
        if archived is None or first is None or first > archived.last:
            return 0
        if not await asyncio.to_thread(archive.holds, archived):
            return 0  # another replica's file, or moved: what is still here gets another file
        for start in range(first, archived.last + 1, ENTRIES):
            end = min(start + ENTRIES - 1, archived.last)
            async with self._store.transaction() as transaction:
                await transaction.execute(delete(audit).where(audit.c.number.between(start, end)))
            await self._clock.sleep(GAP)
        return archived.last - first + 1

    async def _first(self) -> int | None:
        (row,) = await self._store.rows(select(func.min(audit.c.number).label("number")))
        number: int | None = row["number"]
        return number

    async def _newest_archived(self) -> Archived | None:
        """Return what the newest sealed entry of its kind says."""
        is_it = audit.c.action == AuditAction.ARCHIVED
        query = select(audit).where(is_it).order_by(audit.c.number.desc()).limit(1)
        for row in await self._store.rows(query):
            try:
                return Archived.of(ChainedEntry.model_validate(dict(row)))
            except ValueError as error:
                why = f"entry {row['number']} doesn't say which entries were archived"
                raise NotArchived(why) from error
        return None

    async def _is_sealed(self, archived: Archived) -> bool:
        """Wait until the log says that the entries are in a file; only then can they go."""
        for _ in range(SEALED_WITHIN):
            if await self._newest_archived() == archived:
                return True
            await self._clock.sleep(1.0)
        return False


def _is_spoken_of(key: Column[str], before: datetime) -> ColumnElement[bool]:
    """Whether Slack has yet to take a message about it, or was to take one lately.

    The end of a backup with `--keep` has no time of its own, but it is announced.
    """
    is_late = or_(outbox.c.created_at >= before, outbox.c.due_at >= before)
    is_pending = outbox.c.state == MessageState.PENDING
    found = select(outbox.c.number).where(outbox.c.topic_id == key, or_(is_pending, is_late))
    return found.exists()
