"""What is written down, and the transactions in which it changes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.audit import GENESIS, AuditEntry, chained
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import ANNOUNCED, OPEN_STATES, BackupRequest, Choice, RequestState, Vote
from bot.ports import Conflict
from bot.storage.tables import UtcDateTime, about, audit, budgets, posts, requests, votes

DECIDED = "backup_bot_decided"  # where PostgreSQL tells all replicas that a request changed
AUDIT_LOCK = 0x0BAC_0B07  # of PostgreSQL: who holds it adds to the trail
PROBE = "probe"  # a row that is written only to see whether rows can be
Line = AbstractAsyncContextManager[Any]
NESTED = {"instance", "history", "terms", "refusal"}


class Transaction:
    """One unit of work: all of it is on disk when the block ends, or none of it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, *new: BackupRequest) -> None:
        await self._connection.execute(insert(requests), [_row(request) for request in new])

    async def load(self, request_id: str) -> BackupRequest | None:
        """The request, locked against other writers until the transaction ends."""
        return await _load(self._connection, request_id, for_update=True)

    async def move(
        self, request: BackupRequest, to: RequestState, **changes: object
    ) -> BackupRequest:
        """Compare and set: the request in its new state; Conflict if it has left the old one."""
        changed = request.moved(to, **changes)
        row = _row(changed)
        values = {name: row[name] for name in ("state", *changes)}
        result = await self._connection.execute(
            update(requests)
            .where(requests.c.id == request.id, requests.c.state == request.state)
            .values(**values)
        )
        if result.rowcount != 1:
            raise Conflict(request.id)
        await self._tell(request)
        return changed

    async def vote(self, request: BackupRequest, vote: Vote) -> BackupRequest:
        """The request with one more vote; Conflict if this person has voted already."""
        await self._connection.execute(
            insert(votes).values(request_id=request.id, **vote.model_dump())
        )
        await self._tell(request)
        return request.model_copy(update={"votes": (*request.votes, vote)})

    async def _tell(self, request: BackupRequest) -> None:
        """Once it is committed, whoever waits for a decision wakes up, in whichever process."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(select(func.pg_notify(DECIDED, request.id)))

    async def strike(self, request: BackupRequest, voters: Iterable[str]) -> BackupRequest:
        """The request without the approvals of these people."""
        gone = set(voters)
        await self._connection.execute(
            delete(votes).where(
                votes.c.request_id == request.id,
                votes.c.choice == Choice.APPROVE,
                votes.c.user_id.in_(gone),
            )
        )
        kept = (
            v for v in request.votes if v.choice is not Choice.APPROVE or v.user_id not in gone
        )
        return request.model_copy(update={"votes": tuple(kept)})

    async def record(self, *entries: AuditEntry) -> None:
        """Add to the audit trail. Last in a transaction: it holds up everybody else's."""
        if self._connection.dialect.name == "postgresql":
            # After the locks of rows, so that nobody waits for a row with this in hand.
            await self._connection.execute(select(func.pg_advisory_xact_lock(AUDIT_LOCK)))
        newest = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
        last = (await self._connection.execute(newest)).one_or_none()
        links = chained(entries, *(last or (0, GENESIS)))
        await self._connection.execute(insert(audit), [link.model_dump() for link in links])

    async def probe(self) -> None:
        await self._connection.execute(delete(budgets).where(budgets.c.name == PROBE))
        row = {"name": PROBE, "taken": [], "closed_until": 0.0}
        await self._connection.execute(insert(budgets).values(row))

    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None:
        row = {"request_id": request_id, "line": line, "channel_id": channel_id, "ts": ts}
        await self._connection.execute(insert(posts).values(row))


class Store:
    """The database as the bot uses it. Raises StoreUnavailable when it does not answer."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # SQLite has one writer. Queueing for it here is fair; inside SQLite it is not.
        has_one_writer = engine.dialect.name == "sqlite"
        self._line: Line = asyncio.Lock() if has_one_writer else nullcontext()
        self._writer: Line = asyncio.Lock() if has_one_writer else nullcontext()

    @asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[Transaction]:
        """One is `urgent` if it says what was done already: it goes before all that wait in line.

        Raises Conflict when a row must be unique and is not.
        """
        line = nullcontext() if urgent else self._line
        try:
            async with line, self._writer, self.engine.begin() as connection:
                yield Transaction(connection)
        except IntegrityError as error:
            raise Conflict from error
        except DBAPIError as error:
            raise StoreUnavailable from error

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self.engine.connect() as connection:
                yield await connection.execution_options(read_only=True)
        except DBAPIError as error:
            raise StoreUnavailable from error

    async def load(self, request_id: str) -> BackupRequest | None:
        async with self._reading() as connection:
            return await _load(connection, request_id)

    async def asked_by(self, trigger_id: str) -> BackupRequest | None:
        """The request that this Slack command made, if it made one."""
        return await self._one(select(requests).where(requests.c.trigger_id == trigger_id))

    async def open_named(self, name: str) -> BackupRequest | None:
        """The open request that owns this backup name, if there is one."""
        is_open = requests.c.state.in_(OPEN_STATES)
        return await self._one(select(requests).where(requests.c.name == name, is_open))

    async def ids_in(self, state: RequestState) -> list[str]:
        """The ids of all requests in a state, oldest first."""
        query = select(requests.c.id).where(requests.c.state == state).order_by("asked_at")
        async with self._reading() as connection:
            return list(await connection.scalars(query))

    async def probe(self) -> None:
        """Write something, so that a full or read-only disk shows. Raises StoreUnavailable."""
        async with self.transaction() as transaction:
            await transaction.probe()

    async def counts(self) -> list[tuple[str, str, int]]:
        """How many requests there are by state and rule; the rule is empty before the look-up."""
        rule = func.coalesce(requests.c.terms["rule"].as_string(), "")
        query = select(requests.c.state, rule, func.count()).group_by(requests.c.state, rule)
        async with self._reading() as connection:
            return [(state, name, count) for state, name, count in await connection.execute(query)]

    async def oldest_unannounced(self) -> datetime | None:
        """When the oldest request ended of whose end nobody was told; None if all were."""
        ended = func.coalesce(requests.c.finished_at, requests.c.decided_at, requests.c.asked_at)
        told = select(posts.c.line).where(
            posts.c.request_id == requests.c.id, posts.c.line.in_(ANNOUNCED)
        )
        query = select(func.min(ended, type_=UtcDateTime)).where(
            requests.c.state.not_in(OPEN_STATES), ~told.exists()
        )
        async with self._reading() as connection:
            oldest: datetime | None = await connection.scalar(query)
            return oldest

    async def audit_trail(self, request_id: str | None = None) -> list[AuditEntry]:
        """The trail, oldest first: of one request, or all of it."""
        query = select(audit).order_by(audit.c.number)
        if request_id is not None:
            query = query.where(audit.c.request_id == request_id)
        async with self._reading() as connection:
            rows = (await connection.execute(query)).mappings()
            return [AuditEntry.model_validate(dict(row)) for row in rows]

    async def last_audit_entries(self, instance: str, limit: int) -> Sequence[AuditEntry]:
        """The newest entries about an instance, by its name or id, oldest first."""
        query = select(audit).where(about(instance)).order_by(audit.c.number.desc()).limit(limit)
        async with self._reading() as connection:
            rows = (await connection.execute(query)).mappings()
            return [AuditEntry.model_validate(dict(row)) for row in rows][::-1]

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None:
        """Channel id and ts of the message that said this line, or None if none did."""
        query = select(posts.c.channel_id, posts.c.ts).where(
            posts.c.request_id == request_id, posts.c.line == line
        )
        async with self._reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return (row.channel_id, row.ts) if row else None

    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None:
        """Remember where a line was said."""
        async with self.transaction(urgent=True) as transaction:
            await transaction.save_post(request_id, line, channel_id, ts)

    async def _one(self, query: Select[Any]) -> BackupRequest | None:
        async with self._reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _request(row, ()) if row else None


def _row(request: BackupRequest) -> dict[str, Any]:
    """A request as its table holds it: what is nested, as JSON."""
    nested = request.model_dump(mode="json", include=NESTED)
    return request.model_dump(exclude={"votes", *NESTED}) | nested


async def _load(
    connection: AsyncConnection, request_id: str, *, for_update: bool = False
) -> BackupRequest | None:
    query = select(requests).where(requests.c.id == request_id)
    query = query.with_for_update() if for_update else query
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    cast = select(votes).where(votes.c.request_id == request_id).order_by(votes.c.at)
    return _request(row, (await connection.execute(cast)).mappings())


def _request(row: RowMapping, cast: Iterable[Any]) -> BackupRequest:
    return BackupRequest.model_validate(
        {**dict(row), "votes": tuple(Vote.model_validate(vote) for vote in cast)}
    )
