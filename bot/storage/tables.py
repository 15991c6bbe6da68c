"""The project's own tables; DBOS keeps its journal beside them in the same database."""

from datetime import UTC, datetime
from typing import Any

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
    String,
    Table,
    TypeDecorator,
    column,
    or_,
    select,
)

from bot.domain.states import OPEN_STATES

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC: SQLite has no time zones of its own."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, the signature is SQLAlchemy's
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002, the signature is SQLAlchemy's
        return value.replace(tzinfo=UTC) if value else None


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
    Column("backup_status", String),
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

posts = Table(
    "post",
    metadata,
    Column("request_id", String, ForeignKey("request.id"), primary_key=True),
    Column("line", String, primary_key=True),
    Column("channel_id", String, nullable=False),
    Column("ts", String, nullable=False),
)

# Who has looked at their home tab, and so has one to keep up to date.
homes = Table(
    "home",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
)

# On PostgreSQL: the processes that share this database, dead or alive.
replicas = Table("replica", metadata, Column("id", String, primary_key=True))

# On PostgreSQL: the calls that all of them made lately, in seconds since 1970.
budgets = Table(
    "budget",
    metadata,
    Column("name", String, primary_key=True),
    Column("taken", JSON, nullable=False),
    Column("closed_until", Float, nullable=False),
)


def about(instance: str) -> ColumnElement[bool]:
    """The entries about an instance, by its name or id: all of a request, if one names it."""
    named = or_(audit.c.instance == instance, audit.c.instance_id == instance)
    requests_about = select(audit.c.request_id).where(named, audit.c.request_id.is_not(None))
    return or_(named, audit.c.request_id.in_(requests_about))
