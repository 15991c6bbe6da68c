"""One unit of work on the database."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.application.ports import Conflict
from bot.domain.audit import AuditEntry, AuditKey
from bot.domain.outbox import (
    SETTLES,
    MessageState,
    Owed,
    Urgency,
    finished,
    owed_by,
    owed_by_retention,
)
from bot.domain.preferences import Finished, wants_to_know
from bot.domain.requests import BackupRequest, Choice, Vote
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import CARD
from bot.runtime.clock import Clock
from bot.storage.reading import load_request
from bot.storage.sealing import append, wait_for_seal
from bot.storage.tables import budgets, homes, outbox, preferences, requests, upsert, votes

DECIDED = "backup_bot_decided"  # the PostgreSQL channel that announces changed requests
PROBE = "probe"  # a row that is written only to check that writing works
NESTED = {"instance", "history", "terms", "refusal", "attempt"}


class Transaction:
    """One unit of work: when its block ends, all of it is on disk, or none."""

    def __init__(
        self, connection: AsyncConnection, clock: Clock, audit_key: AuditKey | None = None
    ) -> None:
        self.changes_requests = False
        self.owes = False
        self.recorded: list[AuditEntry] = []  # on the trail, once it is committed
        self._connection = connection
        self._clock = clock
        self._audit_key = audit_key

    async def insert(self, *new: BackupRequest) -> None:
        self.changes_requests = True
        await self._connection.run_sync(insert_requests, new)

    async def load(self, request_id: str) -> BackupRequest | None:
        """Return the request, locked against other writers until the transaction ends."""
        return await self._connection.run_sync(load_request, request_id, for_update=True)

    async def move(
        self, request: BackupRequest, to: RequestState, **changes: object
    ) -> BackupRequest:
        """Compare and set: the request in its new state; Conflict if it has left the old one.

        What it owes Slack from then on is in the outbox.
        """
        changed = request.moved(to, **changes)
        await self._swap(changed, requests.c.state == request.state, "state", *changes)
        await self.owe(*owed_by(changed))
        if changed.state.is_final and changed.terms is not None:
            await self._owe_requester(changed)
        return changed

    async def _owe_requester(self, request: BackupRequest) -> None:
        """Owe the requester a direct message about the end, if they want one."""
        mine = preferences.c.user_id == request.requester
        chosen = await self._connection.scalar(select(preferences.c.finished).where(mine))
        if chosen and wants_to_know(Finished(chosen), request):
            await self.owe(finished(request))

    async def update(self, request: BackupRequest, **changes: object) -> BackupRequest:
        """Save these changes; return the request. Raises Conflict if its state has changed."""
        changed = request.model_copy(update=changes)
        await self._swap(changed, requests.c.state == request.state, *changes)
        return changed

    async def _swap(
        self, changed: BackupRequest, is_as_before: ColumnElement[bool], *columns: str
    ) -> None:
        row = _row(changed)
        result = await self._connection.execute(
            update(requests)
            .where(requests.c.id == changed.id, is_as_before)
            .values({column: row[column] for column in columns})
        )
        if result.rowcount != 1:
            raise Conflict(changed.id)
        await self._tell(changed)

    async def retain(
        self, request: BackupRequest, to: Retention, **changes: object
    ) -> BackupRequest:
        """Compare and set the retention; return the request. Raises Conflict if it has changed."""
        changed = request.model_copy(update={"retention": to, **changes})
        await self._swap(changed, requests.c.retention == request.retention, "retention", *changes)
        await self.owe(*owed_by_retention(changed))
        return changed

    async def owe(self, *messages: Owed) -> None:
        """Put messages into the outbox: a card is drawn again, everything else is sent once."""
        if not messages:
            return
        self.owes = True
        new = upsert(self._connection.dialect, outbox)
        key = [outbox.c.topic_id, outbox.c.line, outbox.c.subject]
        again = {
            "state": MessageState.PENDING,
            "urgency": _least(outbox.c.urgency, new.excluded.urgency),
            "version": outbox.c.version + 1,
        }
        can_change = outbox.c.state.in_((MessageState.PENDING, MessageState.SENT))
        for message in messages:
            now = self._clock.now()
            row = new.values(**_outbox_row(message, now))
            if message.line == CARD:
                edited = _due_at(message, now)  # an edit disturbs nobody, at any time
                soonest = case((outbox.c.ts.is_not(None), edited), else_=new.excluded.due_at)
                later = {**again, "due_at": _least(outbox.c.due_at, soonest)}
                row = row.on_conflict_do_update(index_elements=key, set_=later, where=can_change)
            else:
                row = row.on_conflict_do_nothing(index_elements=key)
            await self._connection.execute(row)
        urgent = {m.topic_id for m in messages if m.urgency is Urgency.OUTCOME}
        if urgent:  # then what has to come before an outcome is as urgent
            comes_before = (
                outbox.c.topic_id.in_(urgent),
                outbox.c.state == MessageState.PENDING,
                outbox.c.ts.is_(None),
                outbox.c.urgency > Urgency.OUTCOME,
            )
            await self._connection.execute(
                update(outbox).where(*comes_before).values(urgency=Urgency.OUTCOME)
            )

    async def execute(self, change: Insert | Update | Delete) -> None:
        """Make a change."""
        await self._connection.execute(change)

    async def is_new(self, row: Insert, key: ColumnElement[Any]) -> bool:
        """Insert a row that does nothing on conflict; return False if it did nothing."""
        return (await self._connection.execute(row.returning(key))).first() is not None

    async def swap(self, change: Update) -> None:
        """Make a change to one row. Raises Conflict if it finds none."""
        if (await self._connection.execute(change)).rowcount != 1:
            raise Conflict

    async def remove(self, key: Column[str], which: ColumnElement[bool]) -> int:
        """Delete rows of what messages are about, with votes and messages; return how many.

        `key` is the column with the topic: of requests, incidents, digests, or successes.

        Those that another transaction has locked are left alone.
        """
        query = select(key).where(which).with_for_update(skip_locked=True)
        ids = list(await self._connection.scalars(query))
        for theirs in (votes.c.request_id, outbox.c.topic_id, key):
            await self._connection.execute(delete(theirs.table).where(theirs.in_(ids)))
        return len(ids)

    async def owe_once(self, card: Owed, line: Owed) -> None:
        """Put a line and its card's edit into the outbox, unless the line is there already."""
        is_there = select(outbox.c.number).where(
            outbox.c.topic_id == line.topic_id,
            outbox.c.line == line.line,
            outbox.c.subject == line.subject,
        )
        if await self._connection.scalar(is_there) is None:
            await self.owe(card, line)

    async def vote(self, request: BackupRequest, vote: Vote) -> BackupRequest:
        """Add a vote; return the request. Raises Conflict if this person has already voted."""
        await self._connection.execute(
            insert(votes).values(request_id=request.id, **vote.model_dump())
        )
        await self._tell(request)
        return request.model_copy(update={"votes": (*request.votes, vote)})

    async def open_home(self, user_id: str, at: datetime, team_id: str) -> None:
        await self._connection.execute(delete(homes).where(homes.c.user_id == user_id))
        row = {"user_id": user_id, "opened_at": at, "team_id": team_id}
        await self._connection.execute(insert(homes).values(row))

    async def _tell(self, request: BackupRequest) -> None:
        """After the commit, wake what waits for a change of the request, on any replica."""
        self.changes_requests = True
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(select(func.pg_notify(DECIDED, request.id)))

    async def revoke(self, request: BackupRequest, voters: Iterable[str]) -> BackupRequest:
        """Remove these people's approvals; return the request."""
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
        """Add entries to the audit log, without waiting for other transactions."""
        if not entries:
            return
        if self._connection.dialect.name == "postgresql":
            await wait_for_seal(self._connection, entries)
        else:
            await self._connection.run_sync(append, entries, self._audit_key)
        self.recorded += entries

    async def probe(self) -> None:
        await self._connection.execute(delete(budgets).where(budgets.c.name == PROBE))
        row = {"name": PROBE, "taken": [], "closed_until": 0.0}
        await self._connection.execute(insert(budgets).values(row))


def insert_requests(connection: Connection, new: Iterable[BackupRequest]) -> None:
    """Write new requests. Raises IntegrityError if a unique value is taken."""
    connection.execute(insert(requests), [_row(request) for request in new])


def _least(before: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a card's row has from now on: what it waits for keeps its place."""
    waits = and_(outbox.c.state == MessageState.PENDING, before < now)
    return case((waits, before), else_=now)


def _due_at(message: Owed, now: datetime) -> datetime:
    """Return when a message is sent that needn't wait for quiet hours to end."""
    settles = message.line == CARD and message.urgency is Urgency.PROGRESS
    return now + SETTLES if settles else now


def _outbox_row(message: Owed, now: datetime) -> dict[str, Any]:
    """Return a new message's columns."""
    due_at = max(_due_at(message, now), message.not_before or now)
    times = {"created_at": now, "due_at": due_at}
    state = {"state": MessageState.PENDING, "call": list(message.call)}
    row = {**asdict(message), **times, **state}
    del row["not_before"]
    return row


def _row(request: BackupRequest) -> dict[str, Any]:
    """Return a request as a row, with nested values as JSON."""
    nested = request.model_dump(mode="json", include=NESTED)
    return request.model_dump(exclude={"votes", *NESTED}) | nested
