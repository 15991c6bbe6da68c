"""Successful backups that channels are told of, and incidents that flap."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    openings = sa.Column("openings", sa.JSON, nullable=False, server_default="[]")
    op.add_column("incident", openings)
    op.add_column("incident", sa.Column("flapping_since", sa.DateTime))
    op.add_column("incident", sa.Column("calm_since", sa.DateTime))
    op.create_table(
        "success",
        sa.Column("channel_id", sa.String, primary_key=True),
        sa.Column("backup_id", sa.String, primary_key=True),
        sa.Column("topic_id", sa.String, nullable=False, index=True),
        sa.Column("in_thread", sa.Boolean, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
