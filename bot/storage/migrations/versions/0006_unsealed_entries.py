"""Entries of the audit trail that were committed and are not in the chain yet."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "audit_unsealed",
        # SQLite counts only what it calls an integer.
        sa.Column(
            "serial",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("request_id", sa.String),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("rule", sa.String),
        sa.Column("instance", sa.String),
        sa.Column("instance_id", sa.String),
    )
