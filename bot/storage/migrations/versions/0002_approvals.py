"""Reasons of votes, and the audit trail as a chain of hashes.

The entries there were so far are linked in their order.
"""

import sqlalchemy as sa
from alembic import op

from bot.domain.audit import AuditEntry, chained
from bot.storage.tables import UtcDateTime

revision = "0002"
down_revision = "0001"


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
        sa.column("at", UtcDateTime),
        *map(sa.column, ("request_id", "actor", "action", "rule", "previous", "hash")),
        sa.column("detail", sa.JSON),
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(audit).order_by(audit.c.number)).mappings().all()
    links = chained(AuditEntry.model_validate(dict(row)) for row in rows)
    for row, link in zip(rows, links, strict=True):
        values = {"number": link.number, "previous": link.previous, "hash": link.hash}
        connection.execute(sa.update(audit).where(audit.c.number == row["number"]).values(values))
