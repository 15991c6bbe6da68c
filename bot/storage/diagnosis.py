"""Find what is stuck, by reading the database beside the bot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Select, func, inspect, select, text
from sqlalchemy.engine import make_url

from bot.domain.audit import key_id_of
from bot.domain.outbox import MessageState, Urgency
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.stuck import Stuck, StuckKind, limit_of
from bot.storage.engine import is_sqlite, only_reading
from bot.storage.inspection import is_in_use
from bot.storage.owed import owed_of, owed_query
from bot.storage.reading import is_unfinished, request_of
from bot.storage.sealing import newest_entry
from bot.storage.tables import UtcDateTime, outbox, replicas, requests, unsealed

GRACE = timedelta(minutes=2)  # in which the bot notices and mends it without help
UNSEALED_FOR = timedelta(minutes=1)
EXPIRED_FOR = timedelta(seconds=30)
UNSENT_FOR = timedelta(minutes=15)
GIVEN_UP_WITHIN = timedelta(days=1)  # after that it is no news
UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
ALONE = ""  # the one process on an SQLite file, whatever its ID

RECONCILED = "The bot starts another workflow within a minute"
START = "Start the bot, for example with `backup-bot run`. It continues everything that waits."


@dataclass(frozen=True)
class _Workflow:
    status: str
    executor_id: str
    updated_at: datetime


def stuck_in(database_url: str, now: datetime) -> list[Stuck]:
    """Return everything that is stuck, without changing anything.

    Raises SettingsError if the database can't be read.
    """
    url = make_url(database_url)
    with only_reading(database_url, "requests") as connection:
        if is_sqlite(url):
            living = {ALONE} if is_in_use(Path(url.database or "").resolve()) else set()
        else:
            living = set(connection.scalars(_leases(alive=True)))
        found = [*_requests(connection, living, now), *_messages(connection, now)]
        found += _unsealed(connection, now)
        if not is_sqlite(url):
            found += _leases_of_the_dead(connection)
        if not living and (waiting := _waiting(connection)):
            return [Stuck(StuckKind.NO_BOT, waiting, None, "no bot is running", START), *found]
        return found


def _waiting(connection: Connection) -> str:
    """Say what waits for a bot, or return "" if nothing does."""
    open_ = connection.scalar(select(func.count()).where(is_unfinished())) or 0
    pending = (outbox.c.state == MessageState.PENDING, outbox.c.urgency < Urgency.REFRESH)
    owed = connection.scalar(select(func.count(outbox.c.number)).where(*pending)) or 0
    return f"requests: {open_}, messages: {owed}" if open_ or owed else ""


def _requests(connection: Connection, living: set[str], now: datetime) -> Iterator[Stuck]:
    workflows = _workflows(connection)
    query = select(requests).where(is_unfinished()).order_by(requests.c.asked_at)
    for row in connection.execute(query).mappings():
        request = request_of(row, ())
        what = f"request {request.name} of {request.instance_name} ({request.id})"
        if living and (why := _not_continued(request, workflows.get(request.id, []), living, now)):
            kind, since, reason, cure = why
            yield Stuck(kind, what, since, reason, cure)
        elif (limit := limit_of(request)) and now > limit.until:
            reason = f"{limit.why}; its state is {request.state}"
            yield Stuck(StuckKind.STATE_OVERDUE, what, limit.until, reason, limit.cure)


def _not_continued(
    request: BackupRequest, workflows: list[_Workflow], living: set[str], now: datetime
) -> tuple[StuckKind, datetime, str, str] | None:
    """Return why nothing continues a request, or None if something does, or will in a moment."""
    if request.state is RequestState.AWAITING_APPROVAL:
        return None  # it has a workflow again once it is decided
    under_way = [w for w in workflows if w.status in UNDER_WAY]
    if any(w.status != "PENDING" or w.executor_id in living or ALONE in living for w in under_way):
        return None
    if now - max([request.decided, *(w.updated_at for w in workflows)]) < GRACE:
        return None
    if under_way:
        dead = under_way[0]
        why = f"its workflow is {dead.status} on {dead.executor_id}, which is dead"
        cure = "Another replica takes it over within half a minute. If none does, restart one."
        return StuckKind.REPLICA_DIED, dead.updated_at, why, cure
    if failed := workflows:
        last = max(failed, key=lambda w: w.updated_at)
        why = f"its last workflow ended as {last.status}; workflows that failed: {len(failed)}"
        cure = f"{RECONCILED}, or within an hour after several failed ones. The log says what"
        cure += " failed: `workflow_fell_over`."
        return StuckKind.WORKFLOW_FAILED, last.updated_at, why, cure
    why = "it has no workflow that is under way"
    return StuckKind.NO_WORKFLOW, request.decided, why, f"{RECONCILED}. If not, restart the bot."


def _workflows(connection: Connection) -> dict[str, list[_Workflow]]:
    """Return all workflows that didn't succeed, by their request.

    DBOS's own client would migrate the tables that it reads.
    """
    schema = None if connection.dialect.name == "sqlite" else "dbos"
    if not inspect(connection).has_table("workflow_status", schema=schema):
        return {}
    table = f"{schema}.workflow_status" if schema else "workflow_status"
    columns = "workflow_uuid, status, executor_id, updated_at"
    query = text(f"SELECT {columns} FROM {table} WHERE status <> 'SUCCESS'")  # noqa: S608, constants
    found: dict[str, list[_Workflow]] = {}
    for row in connection.execute(query):
        updated_at = datetime.fromtimestamp(row.updated_at / 1000, UTC)
        workflow = _Workflow(row.status, row.executor_id or "", updated_at)
        found.setdefault(row.workflow_uuid.partition(":")[0], []).append(workflow)
    return found


def _messages(connection: Connection, now: datetime) -> Iterator[Stuck]:
    owed = owed_of(connection.execute(owed_query(Urgency.PROGRESS)).mappings())
    for message in owed:
        waits = not message.attempts and message.due_at > now  # for quiet hours to end
        if waits or now - message.created_at < UNSENT_FOR:
            continue
        said = f"Slack said {message.last_error}" if message.last_error else "it wasn't tried yet"
        why = f"{said}; tries: {message.attempts}"
        cure = f"The bot tries it again at {message.due_at:%H:%M:%S} UTC. "
        cure += "If Slack rejects the token or a scope, renew it and restart: `backup-bot check`."
        what = f"message {message.line} of {message.instance}/{message.name}"
        what = f"{what} to {message.destination}"
        yield Stuck(StuckKind.NOT_SENT, what, message.created_at, why, cure)
    given_up = select(outbox).where(
        outbox.c.state == MessageState.GIVEN_UP, outbox.c.created_at > now - GIVEN_UP_WITHIN
    )
    for row in connection.execute(given_up).mappings():
        what = f"message {row['line']} of {row['topic_id']} to {row['destination']}"
        why = f"Slack refuses it for good ({row['last_error']})"
        cure = "The bot doesn't try it again. Tell the person yourself: `/backup status` shows it."
        yield Stuck(StuckKind.GIVEN_UP, what, row["created_at"], why, cure)


def _unsealed(connection: Connection, now: datetime) -> Iterator[Stuck]:
    oldest = func.min(unsealed.c.at, type_=UtcDateTime)
    old = unsealed.c.at < now - UNSEALED_FOR
    count, since = connection.execute(select(func.count(), oldest).where(old)).one()
    if not count:
        return
    key_id = key_id_of(newest_entry(connection)[1])
    cure = "A replica seals them within ten seconds. If not, its log says `audit_not_sealed`."
    if key_id:
        cure = f"Set AUDIT_KEY on each replica to the key {key_id}, and restart it."
    why = "no replica has sealed them" + (", and the log is sealed with a key" if key_id else "")
    yield Stuck(StuckKind.NOT_SEALED, f"audit entries: {count}", since, why, cure)


def _leases(*, alive: bool) -> Select[str, datetime]:
    expires = replicas.c.lease_expires_at
    limit = expires > func.now() if alive else expires < func.now() - EXPIRED_FOR
    return select(replicas.c.id, expires).where(limit).order_by(expires)


def _leases_of_the_dead(connection: Connection) -> Iterator[Stuck]:
    for replica_id, expired_at in connection.execute(_leases(alive=False)):
        why = "it died, and no other replica has removed its lease"
        cure = "A replica that runs removes it within half a minute, and takes over its work."
        yield Stuck(StuckKind.LEASE_EXPIRED, f"replica {replica_id}", expired_at, why, cure)
