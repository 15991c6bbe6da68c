"""Several processes on one PostgreSQL database: who they are, and the budgets they share.

The release before ran alone, as `backup-bot`: what it left is taken over like anybody's.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    replica = op.create_table("replica", sa.Column("id", sa.String, primary_key=True))
    op.bulk_insert(replica, [{"id": "backup-bot"}])
    op.create_table(
        "budget",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("taken", sa.JSON, nullable=False),
        sa.Column("closed_until", sa.Float, nullable=False),
    )
