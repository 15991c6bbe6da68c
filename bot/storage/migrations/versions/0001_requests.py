"""The first tables: request, vote, audit and post.

A migration keeps its own picture of the tables, so that later changes of `tables.py` leave it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

OPEN = sa.text("state IN ('approved', 'asked', 'awaiting_approval', 'creating', 'running')")


def upgrade() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("trigger_id", sa.String, nullable=False, unique=True),
        sa.Column("team_id", sa.String, nullable=False),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("card_channel_id", sa.String, nullable=False),
        sa.Column("requester", sa.String, nullable=False),
        sa.Column("response_url", sa.String),
        sa.Column("reference", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("instance", sa.JSON),
        sa.Column("history", sa.JSON, nullable=False),
        sa.Column("terms", sa.JSON),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("decided_at", sa.DateTime),
        sa.Column("started_at", sa.DateTime),
        sa.Column("backup_id", sa.String),
        sa.Column("backup_status", sa.String),
        sa.Column("adopted", sa.Boolean, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("size_kb", sa.BigInteger),
        sa.Column("took", sa.Interval),
        sa.Column("refusal", sa.JSON),
        sa.Column("rds_request_id", sa.String),
    )
    op.create_index(
        "one_open_request_a_name",
        "request",
        ["name"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "vote",
        sa.Column("request_id", sa.String, sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("user_id", sa.String, primary_key=True),
        sa.Column("choice", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("request_id", sa.String, index=True),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("rule", sa.String),
    )
    op.create_table(
        "post",
        sa.Column("request_id", sa.String, sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("line", sa.String, primary_key=True),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("ts", sa.String, nullable=False),
    )
