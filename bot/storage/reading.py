"""Queries of the database, outside of any transaction."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    RowMapping,
    Select,
    Table,
    and_,
    event,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.instances import Backup, BackupStatus
from bot.domain.outbox import MessageState, OwedMessage, Urgency
from bot.domain.policy import RuleReference
from bot.domain.preferences import Preferences
from bot.domain.requests import BackupRequest, Kind, Vote
from bot.domain.states import OPEN_STATES, RequestState, Retention
from bot.storage.engine import blocking_engine, unavailable
from bot.storage.owed import owed_of, owed_query
from bot.storage.tables import (
    UtcDateTime,
    about,
    audit,
    homes,
    outbox,
    preferences,
    requests,
    seen_from,
    unsealed,
    votes,
    watched_instances,
)

SHORTEST_ID = 8  # characters of a request's ID that are enough to find it
READERS = 2  # threads that read a SQLite file

_T = TypeVar("_T")


class How(NamedTuple):
    """How a connection is used."""

    on_sqlite: str  # the execution option; see `engine.py`
    on_postgresql: str  # the isolation level


AS_OF_NOW = How("read_only", "REPEATABLE READ")  # all that is read is of one moment
ALONE = How("one_statement", "AUTOCOMMIT")


class Reading:
    """Reads one committed state of the database. Raises StoreUnavailable when it has none."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._blocking = blocking_engine(engine) if engine.dialect.name == "sqlite" else None
        self._readers = self._threads(READERS, "read")

    def _threads(self, count: int, name: str) -> ThreadPoolExecutor:
        """Return threads that end when the engine is disposed of."""
        threads = ThreadPoolExecutor(count, name)
        event.listen(self.engine.sync_engine, "engine_disposed", lambda _: threads.shutdown())
        return threads

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Return what `work` reads over a connection; all that it reads is of one moment.

        On SQLite one thread does all of it: with aiosqlite, each statement would hop between
        threads several times.
        """
        with unavailable():
            return await self._run(work, AS_OF_NOW, self._readers)

    async def _run(self, work: Callable[[Connection], _T], how: How, threads: Executor) -> _T:
        """Return what `work` does over a connection: one of the threads does it on SQLite."""
        if self._blocking is not None:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads, _run, self._blocking, work, how.on_sqlite)
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level=how.on_postgresql)
            return await connection.run_sync(work)

    async def load(self, request_id: str) -> BackupRequest | None:
        return await self.read(partial(load_request, request_id=request_id))

    async def find_by_trigger(self, trigger_id: str) -> BackupRequest | None:
        """Return the request that this Slack command made, if any."""
        return await self._one(select(requests).where(requests.c.trigger_id == trigger_id))

    async def open_named(self, name: str) -> BackupRequest | None:
        """Return the open request that holds this backup name, if any."""
        is_open = requests.c.state.in_(OPEN_STATES)
        return await self._one(select(requests).where(requests.c.name == name, is_open))

    async def unfinished(self) -> dict[str, RequestState]:
        """Return all requests with something left to do: their states by ID, oldest first."""
        query = select(requests.c.id, requests.c.state).where(is_unfinished())
        rows = await self.rows(query.order_by(requests.c.asked_at))
        return {row["id"]: RequestState(row["state"]) for row in rows}

    async def counts(self) -> list[tuple[str, str, int]]:
        """Return the number of requests by state and rule; the rule is empty before the lookup."""
        written = func.coalesce(requests.c.terms["rule"].as_string(), "")
        query = select(requests.c.state, written.label("rule"), func.count().label("requests"))
        found = Counter[tuple[str, str]]()
        for row in await self.rows(query.group_by(requests.c.state, written)):
            found[row["state"], _rule_text(row["rule"])] += row["requests"]
        return [(state, name, count) for (state, name), count in found.items()]

    async def owed(
        self, *, least: Urgency = Urgency.PROGRESS, limit: int | None = None
    ) -> list[OwedMessage]:
        """Return the messages at least so urgent that Slack has yet to take, oldest first."""
        return owed_of(await self.rows(owed_query(least).limit(limit)))

    async def owed_by_line(self) -> list[tuple[str, int, datetime]]:
        """Return each kind of message that Slack has yet to take: how many, and since when."""
        since = func.min(outbox.c.created_at, type_=UtcDateTime)
        query = (
            select(outbox.c.line, func.count().label("messages"), since.label("since"))
            .where(outbox.c.state == MessageState.PENDING, outbox.c.urgency < Urgency.REFRESH)
            .group_by(outbox.c.line)
        )
        rows = await self.rows(query)
        return [(row["line"], row["messages"], row["since"]) for row in rows]

    async def audit_trail(self, request_id: str | None = None) -> list[AuditEntry]:
        """Return the audit log, oldest first, of one request or all of it."""

        def is_wanted(table: Table) -> ColumnElement[bool]:
            return true() if request_id is None else table.c.request_id == request_id

        return await self._newest_entries(is_wanted)

    async def last_audit_entries(
        self, instance: str, limit: int, teams: Collection[str], *, unplaced: bool
    ) -> Sequence[AuditEntry]:
        """Return an instance's newest entries, by its name or ID, oldest first.

        Leaves out requests of other workspaces, and, unless they are wanted, `unplaced` entries:
        what was refused or can't be found, so that no one can say in which workspace.
        """

        def is_wanted(table: Table) -> ColumnElement[bool]:
            return and_(about(instance, table), seen_from(teams, table, unplaced=unplaced))

        return await self._newest_entries(is_wanted, limit)

    async def _newest_entries(
        self, is_wanted: Callable[[Table], ColumnElement[bool]], limit: int | None = None
    ) -> list[AuditEntry]:
        """Return the newest entries, oldest first; the unsealed ones are the newest."""

        def newest(connection: Connection) -> list[AuditEntry]:
            found: list[AuditEntry] = []
            for place in (unsealed.c.serial, audit.c.number):
                query = select(place.table).where(is_wanted(place.table))
                rows = connection.execute(query.order_by(place.desc()).limit(limit)).mappings()
                found += [AuditEntry.model_validate(dict(row)) for row in rows]
            return found[:limit][::-1]

        return await self.read(newest)

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None:
        """Return the channel id and ts of the message with this line, or None if there is none."""
        query = select(outbox.c.channel_id, outbox.c.ts).where(
            outbox.c.topic_id == request_id, outbox.c.line == line, outbox.c.ts.is_not(None)
        )
        for row in await self.rows(query):
            return row["channel_id"], row["ts"]
        return None

    async def message_state(self, request_id: str, line: str) -> MessageState | None:
        """Return how far a message has come, or None if it isn't in the outbox."""
        query = select(outbox.c.state).where(
            outbox.c.topic_id == request_id, outbox.c.line == line
        )
        return next((MessageState(row["state"]) for row in await self.rows(query)), None)

    async def rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Return what a query finds."""
        return await self.read(partial(executed, statement=query))

    async def requests(
        self,
        *,
        states: Collection[RequestState] | None = None,
        requester: str | None = None,
        kind: Kind | None = None,
        names: Collection[str] | None = None,
        teams: Collection[str] | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> list[BackupRequest]:
        """Return the requests that match all of this, newest first, with their votes."""
        query = select(requests).order_by(requests.c.asked_at.desc(), requests.c.id)
        for column, value in (("requester", requester), ("kind", kind)):
            query = query.where(requests.c[column] == value) if value else query
        for column, values in (("state", states), ("name", names), ("team_id", teams)):
            query = query.where(requests.c[column].in_(values)) if values is not None else query
        return await self.read(partial(_with_votes, query=query.offset(offset).limit(limit)))

    async def preferences(self, user_id: str) -> Preferences:
        """Return what a person wants to hear, or the defaults."""
        query = select(preferences).where(preferences.c.user_id == user_id)
        for row in await self.rows(query):
            return Preferences.model_validate(dict(row))
        return Preferences(user_id=user_id)

    async def wanting_approvals(self) -> list[str]:
        """Return who wants a direct message when their approval is wanted."""
        query = select(preferences.c.user_id).where(preferences.c.approvals)
        rows = await self.rows(query.order_by(preferences.c.user_id))
        return [row["user_id"] for row in rows]

    async def own_backups(self, backups: Collection[Backup]) -> set[str]:
        """Return the IDs of those that this bot made.

        While the outcome of a create is unknown, a backup with its name on its instance is ours.
        """
        is_made = requests.c.backup_id.in_([backup.id for backup in backups])
        may_be = and_(
            requests.c.state == RequestState.CREATING,
            requests.c.name.in_([backup.name for backup in backups]),
        )
        rows = await self.rows(
            select(requests.c.backup_id, requests.c.name, requests.c.instance).where(
                requests.c.kind == Kind.CREATE, or_(is_made, may_be)
            )
        )
        made = {row["backup_id"] for row in rows}
        sent = {(row["instance"]["id"], row["name"]) for row in rows if not row["backup_id"]}
        return {b.id for b in backups if b.id in made or (b.instance_id, b.name) in sent}

    async def deletions_of(self, backup_ids: Collection[str]) -> set[str]:
        """Return those of the backups that this bot deleted, or is deleting."""
        on_request = and_(
            requests.c.kind == Kind.DELETE,
            requests.c.state.in_((RequestState.DELETING, RequestState.DELETED)),
        )
        is_deleted = or_(
            on_request, requests.c.retention.in_((Retention.DELETING, Retention.DELETED))
        )
        query = select(requests.c.backup_id).where(
            requests.c.backup_id.in_(backup_ids), is_deleted
        )
        return {row["backup_id"] for row in await self.rows(query)}

    async def project_of(self, instance_id: str) -> str | None:
        """Return the project of an instance that was requested or watched; None if neither.

        "" is the default project, the only one that older releases knew.
        """
        is_it = watched_instances.c.instance_id == instance_id
        watched = await self.rows(select(watched_instances.c.observed).where(is_it))
        if watched:
            return str(watched[0]["observed"].get("project") or "")
        # By the audit log, because its column with the instance's ID has an index.
        about_it = union_all(
            *(
                select(table.c.request_id).where(table.c.instance_id == instance_id)
                for table in (audit, unsealed)
            )
        )
        query = select(requests.c.instance).where(requests.c.id.in_(about_it))
        newest = query.order_by(requests.c.asked_at.desc()).limit(10)
        for row in await self.rows(newest):
            if row["instance"] and row["instance"]["id"] == instance_id:
                return str(row["instance"].get("project") or "")
        return None

    async def completed_backups(self, instance_id: str, limit: int) -> list[Backup]:
        """Return an instance's latest backups that this bot saw complete, deleted ones, too."""
        # By the audit log, because its column with the instance's ID has an index.
        completed = union_all(
            *(
                select(table.c.request_id).where(
                    table.c.instance_id == instance_id, table.c.action == AuditAction.COMPLETED
                )
                for table in (audit, unsealed)
            )
        )
        is_timed = (requests.c.started_at.is_not(None), requests.c.took.is_not(None))
        query = select(requests).where(requests.c.id.in_(completed), *is_timed)
        rows = await self.rows(query.order_by(requests.c.started_at.desc()).limit(limit))
        return [
            Backup(
                id=row["backup_id"],
                instance_id=instance_id,
                name=row["name"],
                status=BackupStatus.COMPLETED,
                begin_time=row["started_at"],
                end_time=row["started_at"] + row["took"],
                size_kb=row["size_kb"],
            )
            for row in rows
        ]

    async def request_about(self, name_or_id: str, teams: Collection[str]) -> BackupRequest | None:
        """Return the name's open request, else its newest, else the one with this ID.

        Only of these workspaces.
        """
        named = await self.requests(names=[name_or_id], teams=teams, limit=20)
        for request in (*(request for request in named if not request.state.is_final), *named):
            return request
        if len(name_or_id) < SHORTEST_ID:
            return None
        begins = requests.c.id.startswith(name_or_id.lower(), autoescape=True)
        query = select(requests.c.id).where(begins, requests.c.team_id.in_(teams))
        ids = [row["id"] for row in await self.rows(query.limit(2))]
        return await self.load(ids[0]) if len(ids) == 1 else None

    async def homes(self, opened_since: datetime) -> list[tuple[str, str | None]]:
        """Return who has opened their home tab since then, and in which workspace, latest first.

        An older release didn't save the workspace.
        """
        query = select(homes.c.user_id, homes.c.team_id).where(homes.c.opened_at >= opened_since)
        rows = await self.rows(query.order_by(homes.c.opened_at.desc()))
        return [(row["user_id"], row["team_id"]) for row in rows]

    async def _one(self, query: Select[Any]) -> BackupRequest | None:
        return next((request_of(row, ()) for row in await self.rows(query.limit(1))), None)


def is_unfinished() -> ColumnElement[bool]:
    """Whether a request has something left to do: itself, or the deletion of its backup."""
    return or_(requests.c.state.in_(OPEN_STATES), will_be_deleted())


def _run(engine: Engine, work: Callable[[Connection], _T], option: str) -> _T:
    with engine.connect() as connection:
        options: dict[str, Any] = {option: True}
        return work(connection.execution_options(**options))


def executed(connection: Connection, statement: Executable) -> Sequence[RowMapping]:
    """Execute a statement, and return all rows."""
    return connection.execute(statement).mappings().all()


def load_request(
    connection: Connection, request_id: str, *, for_update: bool = False
) -> BackupRequest | None:
    query = select(requests).where(requests.c.id == request_id)
    query = query.with_for_update() if for_update else query
    return next(iter(_with_votes(connection, query)), None)


def _with_votes(connection: Connection, query: Select[Any]) -> list[BackupRequest]:
    rows = executed(connection, query)
    cast = select(votes).where(votes.c.request_id.in_([row["id"] for row in rows]))
    given: defaultdict[str, list[RowMapping]] = defaultdict(list)
    for vote in connection.execute(cast.order_by(votes.c.at)).mappings() if rows else ():
        given[vote["request_id"]].append(vote)
    return [request_of(row, given[row["id"]]) for row in rows]


def _rule_text(stored: str) -> str:
    """Return a stored `Terms.rule` as text; older releases stored the text itself."""
    return str(RuleReference.model_validate_json(stored)) if stored.startswith("{") else stored


def will_be_deleted() -> ColumnElement[bool]:
    """Whether this bot deletes a request's backup when its time is over."""
    return and_(
        requests.c.state == RequestState.COMPLETED,
        requests.c.keep.is_not(None),
        or_(
            requests.c.retention.is_(None),
            requests.c.retention.in_((Retention.WARNED, Retention.DELETING)),
        ),
    )


def request_of(row: RowMapping, cast: Iterable[Any]) -> BackupRequest:
    return BackupRequest.model_validate(
        {**dict(row), "votes": tuple(Vote.model_validate(vote) for vote in cast)}
    )
