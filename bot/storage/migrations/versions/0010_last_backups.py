"""The last good backup of each instance: a cache that survives a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "last_backup",
        sa.Column("instance_id", sa.String, primary_key=True),
        sa.Column("backup", sa.JSON),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
