"""What is owed to Slack, in one outbox: messages keep their ts, and what was owed is pending.

Without `post`, replicas of the release before post nothing more: the new ones do, from the outbox.
"""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

OPEN = ("asked", "awaiting_approval", "approved", "creating", "deleting", "running")
LAST_WORDS = {"warned": "expiring", "kept": "kept", "deleted": "backup_deleted", "stays": "stays"}


def upgrade() -> None:
    outbox = op.create_table(
        "outbox",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("request_id", sa.String, sa.ForeignKey("request.id"), nullable=False),
        sa.Column("line", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("call", sa.JSON, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("posts", sa.Integer, nullable=False),
        sa.Column("shape", sa.Integer, nullable=False),
        sa.Column("channel_id", sa.String),
        sa.Column("ts", sa.String),
        sa.Column("claimed_by", sa.String),
        sa.Column("last_error", sa.String),
        sa.UniqueConstraint("request_id", "line", "subject", name="one_message_per_subject"),
    )
    op.create_index("pending_messages", "outbox", ["state", "urgency", "number"])
    connection = op.get_bind()
    owed = _owed(connection)
    behind = {row["request_id"] for row in owed}
    for row in [*_posted(connection, behind), *owed]:
        connection.execute(outbox.insert().values(row))
    op.drop_table("post")


def _posted(connection: sa.Connection, behind: set[object]) -> Iterable[dict[str, object]]:
    """What was posted, or given up; the cards of open requests and of those `behind` move on."""
    found = connection.execute(
        _timed(
            "SELECT p.request_id, p.line, p.channel_id, p.ts, "
            "r.asked_at, r.state AS request_state "
            "FROM post p JOIN request r ON r.id = p.request_id ORDER BY p.ts"
        )
    )
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for row in found.mappings():
        line, _, subject = row["line"].partition(":")
        is_given_up = line == "given_up"
        moves = line == "card" and (row["request_state"] in OPEN or row["request_id"] in behind)
        state = "given_up" if is_given_up else "pending" if moves else "sent"
        line = "ended" if line in ("told", "given_up") else line
        key = row["request_id"], line, subject
        if is_given_up and key in rows:  # it was given up, and told all the same
            continue
        rows[key] = _row(
            row["request_id"],
            line,
            row["channel_id"],
            row["asked_at"],
            subject=subject,
            state=state,
            urgency=3,
            posts=0 if is_given_up else 1,
            channel_id=None if is_given_up else row["channel_id"],
            ts=None if is_given_up else row["ts"],
        )
    return rows.values()


def _owed(connection: sa.Connection) -> list[dict[str, object]]:
    """Cards, outcomes, and last words that were not posted yet."""
    said = {
        (row.request_id, row.line)
        for row in connection.execute(sa.text("SELECT request_id, line FROM post"))
    }
    found = connection.execute(
        _timed(
            "SELECT id, asked_at, state, requester, channel_id, card_channel_id, thread_ts, "
            "terms, retention, warned_at, "
            "EXISTS (SELECT 1 FROM vote v WHERE v.request_id = request.id "
            "AND v.choice = 'break_glass') AS broke_glass FROM request ORDER BY asked_at"
        )
    )
    return [
        _row(request["id"], line, where, request["asked_at"], urgency=urgency)
        for request in found.mappings()
        for line, where, urgency in (*_before_the_end(request), *_at_the_end(request, said))
        if (request["id"], line) not in said
    ]


def _before_the_end(request: sa.RowMapping) -> Iterator[tuple[str, str, int]]:
    if request["state"] in OPEN and _has_card(request):
        yield "card", request["card_channel_id"], 1
        if request["thread_ts"]:
            yield "pointer", request["channel_id"], 1
        if request["broke_glass"]:
            yield "break_glass", request["card_channel_id"], 0


def _at_the_end(
    request: sa.RowMapping, said: set[tuple[str, str]]
) -> Iterator[tuple[str, str, int]]:
    if request["state"] in OPEN:
        return
    is_told = any((request["id"], line) in said for line in ("ended", "told", "given_up"))
    if not is_told and _has_card(request):
        yield "card", request["card_channel_id"], 0
        yield "ended", request["card_channel_id"], 0
    elif not is_told and request["state"] != "withdrawn":
        yield "ended", request["requester"], 0
    line = LAST_WORDS.get(request["retention"])
    if line and (line != "backup_deleted" or request["warned_at"]):
        yield line, request["card_channel_id"], 0


def _has_card(request: sa.RowMapping) -> bool:
    return request["terms"] not in (None, "null")


def _timed(query: str) -> sa.TextualSelect:
    return sa.text(query).columns(asked_at=sa.DateTime)  # by name, not by position


def _row(
    request_id: str, line: str, destination: str, at: object, **columns: object
) -> dict[str, object]:
    empty = {"subject": "", "call": [], "state": "pending", "attempts": 0, "version": 0}
    empty |= {"in_doubt": False, "posts": 0, "shape": 0, "created_at": at, "due_at": at}
    key = {"request_id": request_id, "line": line, "destination": destination}
    return {**empty, **key, **columns}
