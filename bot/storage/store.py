"""What is written down: read at any time, changed in transactions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.application.ports import Conflict
from bot.domain.audit import AuditKey
from bot.storage.engine import unavailable
from bot.storage.reading import Reading
from bot.storage.story import log_story
from bot.storage.tables import posts
from bot.storage.transaction import Transaction

Line = AbstractAsyncContextManager[Any]


class Store(Reading):
    """The database as the bot uses it. Raises StoreUnavailable when it does not answer."""

    def __init__(self, engine: AsyncEngine, audit_key: AuditKey | None = None) -> None:
        super().__init__(engine)
        self._audit_key = audit_key
        self.recorded = asyncio.Event()  # is set when entries of the audit trail were committed
        # SQLite has one writer. Queueing for it here is fair; inside SQLite it is not.
        has_one_writer = engine.dialect.name == "sqlite"
        self.on_change: Callable[[], None] = _nobody  # is told when a request changed
        alone: dict[str, Any] = {"one_statement": True}
        if not has_one_writer:
            alone["isolation_level"] = "AUTOCOMMIT"
        self._one_statement = engine.execution_options(**alone)
        # Who waits in the line comes after who goes to the writer at once.
        self._line: Line = asyncio.Lock() if has_one_writer else nullcontext()
        self._writer: Line = asyncio.Lock() if has_one_writer else nullcontext()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Raises Conflict when a row must be unique and is not."""
        with _translated():
            async with self._line, self._writer, self.engine.begin() as connection:
                transaction = Transaction(connection, self._audit_key)
                yield transaction
        log_story(transaction.recorded)
        if transaction.changes_requests:
            self.on_change()
        if transaction.recorded:
            self.recorded.set()

    async def open_home(self, user_id: str, at: datetime) -> None:
        """Note that somebody looks at their home tab."""
        async with self.transaction() as transaction:
            await transaction.open_home(user_id, at)

    async def probe(self) -> None:
        """Write something, so that a full or read-only disk shows. Raises StoreUnavailable."""
        async with self.transaction() as transaction:
            await transaction.probe()

    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None:
        """Remember where a line was said: at once, before all that wait in line to write.

        It stands in Slack already; the sooner this is on disk, the fewer messages can double.
        """
        row = {"request_id": request_id, "line": line, "channel_id": channel_id, "ts": ts}
        with _translated():
            async with self._writer, self._one_statement.connect() as connection:
                await connection.execute(insert(posts).values(row))


@contextmanager
def _translated() -> Iterator[None]:
    """Errors as the domain has them."""
    with unavailable():
        try:
            yield
        except IntegrityError as error:
            raise Conflict from error


def _nobody() -> None:
    pass
