"""The database: read at any time, changed in transactions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Engine,
    Insert,
    RowMapping,
    String,
    Update,
    and_,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.application.ports import Conflict
from bot.domain.audit import AuditEntry, AuditKey
from bot.domain.outbox import About, MessageState, owed_by
from bot.domain.preferences import Preferences
from bot.domain.requests import BackupRequest
from bot.domain.states import OPEN_STATES, RequestState
from bot.domain.thread_lines import CARD, ThreadLine
from bot.runtime.clock import Clock
from bot.storage.engine import unavailable
from bot.storage.reading import ALONE, Reading, executed
from bot.storage.sealing import append
from bot.storage.story import log_story
from bot.storage.tables import homes, outbox, preferences, requests, upsert
from bot.storage.transaction import Transaction, insert_requests

Line = AbstractAsyncContextManager[Any]
AFTER_ACKS = 0.02  # seconds that the log of new requests waits, so that their acks go first


class Store(Reading):
    """The bot's database. Raises StoreUnavailable when it isn't responding."""

    def __init__(
        self,
        engine: AsyncEngine,
        audit_key: AuditKey | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(engine)
        self._clock = clock or Clock()
        self._audit_key = audit_key
        self.recorded = asyncio.Event()  # set when audit entries were committed
        # SQLite has one writer. Queueing for it here is fair; inside SQLite it is not.
        has_one_writer = self._blocking is not None
        self.on_change: Callable[[], None] = _nobody  # called when a request has changed
        self.on_owed: Callable[[], None] = _nobody  # called when messages came into the outbox
        # Who waits in the line comes after who goes to the writer at once.
        self._line: Line = asyncio.Lock() if has_one_writer else nullcontext()
        self._writer: Line = asyncio.Lock() if has_one_writer else nullcontext()
        self._thread = self._threads(1, "write")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction. Raises Conflict if a unique value is taken."""
        with _translated():
            async with self._line, self._writer, self.engine.begin() as connection:
                transaction = Transaction(connection, self._clock, self._audit_key)
                yield transaction
        log_story(transaction.recorded)
        if transaction.changes_requests:
            self.on_change()
        if transaction.owes:
            self.on_owed()
        if transaction.recorded:
            self.recorded.set()

    async def submit(self, new: Sequence[BackupRequest], entries: Sequence[AuditEntry]) -> None:
        """Write new requests and their audit entries in one transaction.

        On SQLite one thread writes all of it, as it reads (see `read`), because an ack waits for
        it. Raises Conflict if a unique value is taken.
        """
        if self._blocking is None:
            async with self.transaction() as transaction:
                await transaction.insert(*new)
                await transaction.record(*entries)
            return
        loop = asyncio.get_running_loop()
        with _translated():
            async with self._line, self._writer:
                write = partial(_submit, self._blocking, new, entries, self._audit_key)
                await loop.run_in_executor(self._thread, write)
        loop.call_later(AFTER_ACKS, log_story, entries)
        self.on_change()
        self.recorded.set()

    async def open_home(self, user_id: str, at: datetime, team_id: str) -> None:
        """Save that a person opened their home tab, and in which workspace."""
        async with self.transaction() as transaction:
            await transaction.open_home(user_id, at, team_id)

    async def met(self, user_id: str, at: datetime) -> bool:
        """Save that a person opened one of the app's tabs; return whether it's the first time."""
        new = upsert(self.engine.dialect, homes).values(user_id=user_id, opened_at=at)
        new = new.on_conflict_do_nothing(index_elements=[homes.c.user_id])
        return bool(await self.at_once(new, homes.c.user_id))

    async def save_preferences(self, chosen: Preferences) -> None:
        """Save what a person wants to hear."""
        async with self.transaction() as transaction:
            mine = preferences.c.user_id == chosen.user_id
            await transaction.execute(delete(preferences).where(mine))
            await transaction.execute(insert(preferences).values(chosen.model_dump()))
        self.on_change()

    async def probe(self) -> None:
        """Write something, to detect a full or read-only disk. Raises StoreUnavailable."""
        async with self.transaction() as transaction:
            await transaction.probe()

    async def owe_untold(self) -> list[str]:
        """Put outcomes and cards into the outbox that aren't there; return their requests' IDs.

        Only a process of an older release leaves a request or an incident so.
        """
        had_card = cast(requests.c.terms, String) != "null"  # or a withdrawal was answered
        needs_word = or_(requests.c.state != RequestState.WITHDRAWN, had_card)
        is_open = requests.c.state.in_(OPEN_STATES)
        query = select(requests.c.id).where(
            or_(
                and_(~is_open, needs_word, ~_has_message(ThreadLine.ENDED)),
                and_(is_open, had_card, ~_has_message(CARD)),
            )
        )
        untold = [row["id"] for row in await self.rows(query)]
        for request_id in untold:
            if request := await self.load(request_id):
                async with self.transaction() as transaction:
                    await transaction.owe(*owed_by(request))
        return untold + await self._owe_unsent()

    async def _owe_unsent(self) -> list[str]:
        """Send incidents and digests that a process of an older release took for nothing."""
        unsent = update(outbox).where(
            outbox.c.about != About.REQUEST,
            outbox.c.line == CARD,
            outbox.c.state == MessageState.SUPERSEDED,
            outbox.c.ts.is_(None),
            outbox.c.last_error.is_(None),
        )
        again = unsent.values(state=MessageState.PENDING)
        found = [row["topic_id"] for row in await self.at_once(again, outbox.c.topic_id)]
        if found:
            self.on_owed()
        return found

    async def at_once(
        self, change: Update | Insert | Delete, *returning: ColumnElement[Any]
    ) -> Sequence[RowMapping]:
        """Make a change in one statement, before everything that waits in line to write.

        For what is in Slack already: the sooner that is on disk, the fewer messages can double.
        """
        work = partial(executed, statement=change.returning(*returning))
        with _translated():
            async with self._writer:
                return await self._run(work, ALONE, self._thread)


def _has_message(line: str) -> ColumnElement[bool]:
    """Whether the outbox has this message of a request."""
    is_its = (outbox.c.topic_id == requests.c.id, outbox.c.line == line)
    return select(outbox.c.number).where(*is_its).exists()


def _submit(
    engine: Engine,
    new: Sequence[BackupRequest],
    entries: Sequence[AuditEntry],
    key: AuditKey | None,
) -> None:
    with engine.begin() as connection:
        insert_requests(connection, new)
        append(connection, entries, key)


@contextmanager
def _translated() -> Iterator[None]:
    """Translate the database's errors into the domain's."""
    with unavailable():
        try:
            yield
        except IntegrityError as error:
            raise Conflict from error


def _nobody() -> None:
    pass
