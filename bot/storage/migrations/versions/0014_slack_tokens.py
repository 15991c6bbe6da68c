"""The current token of an app whose tokens rotate."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "slack_token",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("access_token", sa.String, nullable=False),
        sa.Column("refresh_token", sa.String, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("given", sa.String, nullable=False),
        sa.Column("claimed_until", sa.DateTime),
    )
