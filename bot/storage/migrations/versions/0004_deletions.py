"""Deletions: asked for like a backup, or by themselves after a time; and who has a home tab."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NAME = "one_open_request_a_name"
OPEN = ("approved", "asked", "awaiting_approval", "creating", "deleting", "running")


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String, nullable=False, server_default="create"),
        sa.Column("keep", sa.Interval),
        sa.Column("retention", sa.String),
        sa.Column("warned_at", sa.DateTime),
        sa.Column("kept_by", sa.String),
        sa.Column("thread_ts", sa.String),
    ):
        op.add_column("request", column)
    op.drop_index(NAME, "request")
    where = sa.column("state").in_(OPEN)
    op.create_index(
        NAME, "request", ["name"], unique=True, sqlite_where=where, postgresql_where=where
    )
    op.create_index("requests_of_a_person", "request", ["requester", "asked_at"])
    op.create_table(
        "home",
        sa.Column("user_id", sa.String, primary_key=True),
        sa.Column("opened_at", sa.DateTime, nullable=False),
    )
