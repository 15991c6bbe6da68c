"""Reasons of votes, and the audit trail as a chain of hashes.

The entries there were so far are linked in their order.
"""

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FIRST_PREVIOUS = "0" * 64


def upgrade() -> None:
    op.add_column("vote", sa.Column("reason", sa.String, nullable=False, server_default=""))
    for name in ("instance", "instance_id"):
        op.add_column("audit", sa.Column(name, sa.String))
        op.create_index(f"ix_audit_{name}", "audit", [name])
    for name in ("previous", "hash"):
        op.add_column("audit", sa.Column(name, sa.String, nullable=False, server_default=""))
    _link()


def _link() -> None:
    audit = sa.table(
        "audit",
        sa.column("number", sa.Integer),
        sa.column("at", sa.DateTime),  # UTC
        *map(sa.column, ("request_id", "actor", "action", "rule", "previous", "hash")),
        sa.column("detail", sa.JSON),
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(audit).order_by(audit.c.number)).mappings().all()
    previous = FIRST_PREVIOUS
    for number, row in enumerate(rows, start=1):
        digest = _hash(row, number, previous)
        values = {"number": number, "previous": previous, "hash": digest}
        connection.execute(sa.update(audit).where(audit.c.number == row["number"]).values(values))
        previous = digest


def _hash(row: sa.RowMapping, number: int, previous: str) -> str:
    """The hash of an entry as this release defined it; no later change may reach it."""
    content = {
        "action": row["action"],
        "actor": row["actor"],
        "at": row["at"].replace(tzinfo=UTC).isoformat(timespec="microseconds"),
        "detail": row["detail"],
        "instance": None,
        "instance_id": None,
        "number": number,
        "previous": previous,
        "request_id": row["request_id"],
        "rule": row["rule"],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
