"""The project's own tables; DBOS keeps its journal beside them in the same database."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    Interval,
    MetaData,
    Select,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    and_,
    column,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.audit import AuditAction
from bot.domain.states import OPEN_STATES

metadata = MetaData()

REFUSED = (AuditAction.ASK_REFUSED, AuditAction.AUDIT_REFUSED)  # entries without a request


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC: SQLite has no time zones of its own."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, the signature is SQLAlchemy's
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002, the signature is SQLAlchemy's
        return value.replace(tzinfo=UTC) if value else None


def upsert(dialect: Dialect, table: Table) -> Any:
    """Return an insert that can say what happens on a conflict: each database has its own."""
    build = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect.name]
    return build(table)


requests = Table(
    "request",
    metadata,
    Column("id", String, primary_key=True),
    Column("trigger_id", String, nullable=False, unique=True),
    Column("team_id", String, nullable=False),
    Column("channel_id", String, nullable=False),
    Column("card_channel_id", String, nullable=False),
    Column("requester", String, nullable=False),
    Column("response_url", String),
    Column("reference", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("keep", Interval),
    Column("thread_ts", String),
    Column("instance", JSON),
    Column("history", JSON, nullable=False),
    Column("terms", JSON),
    Column("expires_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("backup_id", String),
    Column("backup_status", String),  # only older releases, which may still run, write it
    Column("adopted", Boolean, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("size_kb", BigInteger),
    Column("took", Interval),
    Column("retention", String),
    Column("warned_at", UtcDateTime),
    Column("kept_by", String),
    Column("refusal", JSON),
    Column("rds_request_id", String),
    Column("attempt", JSON),
)

requests_of_a_person = Index("requests_of_a_person", requests.c.requester, requests.c.asked_at)

# The name is RDS's only idempotency key, so one open request owns it.
one_open_request_a_name = Index(
    "one_open_request_a_name",
    requests.c.name,
    unique=True,
    sqlite_where=column("state").in_(sorted(OPEN_STATES)),
    postgresql_where=column("state").in_(sorted(OPEN_STATES)),
)

votes = Table(
    "vote",
    metadata,
    Column("request_id", String, ForeignKey("request.id"), primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("choice", String, primary_key=True),  # who approved may still reject
    Column("at", UtcDateTime, nullable=False),
    Column("reason", String, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("request_id", String, index=True),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("rule", String),
    Column("instance", String, index=True),
    Column("instance_id", String, index=True),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)

# On PostgreSQL: entries that were committed, and have no place in the chain yet.
unsealed = Table(
    "audit_unsealed",
    metadata,
    Column("serial", BigInteger, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("request_id", String),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("rule", String),
    Column("instance", String),
    Column("instance_id", String),
)

# What is owed to Slack, and where what was sent is. See `domain/outbox.py`.
outbox = Table(
    "outbox",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),  # SQLite counts only what it calls integer
        primary_key=True,
        autoincrement=True,
    ),
    Column("request_id", String, key="topic_id", nullable=False),  # named when all were requests
    Column("about", String, nullable=False, server_default="request"),
    Column("line", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("call", JSON, nullable=False),
    Column("destination", String, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=0),
    Column("in_doubt", Boolean, nullable=False, default=False),
    Column("posts", Integer, nullable=False, default=0),
    Column("shape", Integer, nullable=False, default=0),
    Column("channel_id", String),
    Column("ts", String),
    Column("claimed_by", String),  # the replica that sends it; only on PostgreSQL
    Column("last_error", String),
    UniqueConstraint("topic_id", "line", "subject", name="one_message_per_subject"),
)

pending_messages = Index("pending_messages", outbox.c.state, outbox.c.urgency, outbox.c.number)

# Who has looked at their home tab, and so has one to keep up to date.
homes = Table(
    "home",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("team_id", String),  # the workspace where they did; unknown in older releases
)

# The current token, if the app's tokens rotate. `given` is a hash of the settings' refresh token.
slack_tokens = Table(
    "slack_token",
    metadata,
    Column("name", String, primary_key=True),
    Column("access_token", String, nullable=False),
    Column("refresh_token", String, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("given", String, nullable=False),
    Column("claimed_until", UtcDateTime),  # by the replica that renews it
)

# On PostgreSQL: the replicas that share this database, and when their leases expire.
replicas = Table(
    "replica",
    metadata,
    Column("id", String, primary_key=True),
    Column("lease_expires_at", DateTime(timezone=True), nullable=False),
)

# On PostgreSQL: the calls that all of them made lately, in seconds since 1970.
budgets = Table(
    "budget",
    metadata,
    Column("name", String, primary_key=True),
    Column("taken", JSON, nullable=False),
    Column("closed_until", Float, nullable=False),
)

# What list-instances last showed, page by page. `claimed_at` (Unix seconds) keeps replicas from
# reading one page at the same time.
instance_pages = Table(
    "instance_page",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("claimed_at", Float, nullable=False),
    Column("read_at", Float, nullable=False),
    Column("instances", JSON, nullable=False),
)

# The last good backup of each instance, or null if it had none when RDS listed its backups.
last_backups = Table(
    "last_backup",
    metadata,
    Column("instance_id", String, primary_key=True),
    Column("backup", JSON),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Which instances each channel watches; those of the file aren't here.
watches = Table(
    "watch",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel_id", String, nullable=False),
    Column("instances", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# What is known of each watched instance. The columns beside `observed` are copies of its fields.
watched_instances = Table(
    "watched_instance",
    metadata,
    Column("instance_id", String, primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),  # when it is read next; claims move it
    Column("observed", JSON, nullable=False),
    Column("version", Integer, nullable=False),
)

incidents = Table(
    "incident",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel_id", String, nullable=False),
    Column("instance_id", String, nullable=False, index=True),
    Column("instance_name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("owner", String, nullable=False),
    Column("mention", JSON, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("noticed_at", UtcDateTime, nullable=False),
    Column("times", Integer, nullable=False),
    Column("openings", JSON, nullable=False, server_default="[]"),
    Column("flapping_since", UtcDateTime),
    Column("calm_since", UtcDateTime),
    Column("acknowledged_by", String),
    Column("acknowledged_at", UtcDateTime),
    Column("snoozed_by", String),
    Column("snoozed_until", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ending", String),
    Column("ended_by", String),
    Column(
        "version", Integer, nullable=False
    ),  # a change is saved only if it was made to this one
)

# However many processes notice something, it is one incident.
one_open_incident = Index(
    "one_open_incident",
    incidents.c.channel_id,
    incidents.c.instance_id,
    incidents.c.topic,
    incidents.c.subject,
    unique=True,
    sqlite_where=column("ended_at").is_(None),
    postgresql_where=column("ended_at").is_(None),
)

# What each channel was told regularly, at the time when it was due.
digests = Table(
    "digest",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel_id", String, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("owner", String, nullable=False),
    Column("content", JSON, nullable=False),
    UniqueConstraint("channel_id", "due_at", name="one_digest_at_a_time"),
)

# The successful backups that channels were told of: each backup once, a day's in one message.
successes = Table(
    "success",
    metadata,
    Column("channel_id", String, primary_key=True),
    Column("backup_id", String, primary_key=True),
    Column("topic_id", String, nullable=False, index=True),  # of the day's message
    Column("in_thread", Boolean, nullable=False),
    Column("content", JSON, nullable=False),
)

# What each person wants to hear; see `domain/preferences.py`.
preferences = Table(
    "preference",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("finished", String, nullable=False),
    Column("approvals", Boolean, nullable=False),
)


def about(instance: str, table: Table) -> ColumnElement[bool]:
    """Return whether an entry is about an instance, by name or ID, or of a request that is."""
    ids = (_requests_about(other, instance) for other in (audit, unsealed))
    return or_(_names(table, instance), *(table.c.request_id.in_(found) for found in ids))


def seen_from(teams: Collection[str], table: Table, *, unplaced: bool) -> ColumnElement[bool]:
    """The entries in a table that people of these workspaces see; see `last_audit_entries`."""
    is_general = table.c.request_id.is_(None)  # of an incident or a watch, or refused
    if unplaced:
        theirs = select(requests.c.id).where(requests.c.team_id.not_in(teams))
        return or_(is_general, table.c.request_id.not_in(theirs))
    ours = select(requests.c.id).where(requests.c.team_id.in_(teams))
    is_placed = and_(is_general, table.c.action.not_in(REFUSED))
    return or_(is_placed, table.c.request_id.in_(ours))


def _requests_about(table: Table, instance: str) -> Select[tuple[str]]:
    found = table.c.request_id.is_not(None)
    return select(table.c.request_id).where(_names(table, instance), found)


def _names(table: Table, instance: str) -> ColumnElement[bool]:
    spellings = {instance, normalize("NFC", instance), normalize("NFD", instance)}
    return or_(table.c.instance.in_(spellings), table.c.instance_id == instance)
