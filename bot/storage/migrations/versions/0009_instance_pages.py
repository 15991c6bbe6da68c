"""What list-instances last showed, page by page: a cache that replicas share."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "instance_page",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
        sa.Column("read_at", sa.Float, nullable=False),
        sa.Column("instances", sa.JSON, nullable=False),
    )
