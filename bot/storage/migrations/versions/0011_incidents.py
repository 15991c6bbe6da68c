"""Watches, incidents, digests and preferences; and messages about more than requests."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

FOREIGN_KEY = "fk_outbox_request_id_request"  # as SQLite's unnamed one is called below
IS_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    _free_the_outbox()
    op.create_table(
        "watch",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("instances", sa.JSON, nullable=False),
        sa.Column("limits", sa.JSON, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "watched_instance",
        sa.Column("instance_id", sa.String, primary_key=True),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("observed", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("instance_id", sa.String, nullable=False, index=True),
        sa.Column("instance_name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("mention", sa.JSON, nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("noticed_at", sa.DateTime, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("acknowledged_by", sa.String),
        sa.Column("acknowledged_at", sa.DateTime),
        sa.Column("snoozed_by", sa.String),
        sa.Column("snoozed_until", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("ending", sa.String),
        sa.Column("ended_by", sa.String),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index(
        "one_open_incident",
        "incident",
        ["channel_id", "instance_id", "topic", "subject"],
        unique=True,
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    )
    op.create_table(
        "digest",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.UniqueConstraint("channel_id", "due_at", name="one_digest_at_a_time"),
    )
    op.create_table(
        "preference",
        sa.Column("user_id", sa.String, primary_key=True),
        sa.Column("finished", sa.String, nullable=False),
        sa.Column("approvals", sa.Boolean, nullable=False),
    )


def _free_the_outbox() -> None:
    """A message may be about an incident, so its column refers to requests no longer."""
    about = sa.Column("about", sa.String, nullable=False, server_default="request")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("outbox_request_id_fkey", "outbox", type_="foreignkey")
        op.add_column("outbox", about)
        return
    names = {"fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s"}
    with op.batch_alter_table("outbox", naming_convention=names) as outbox:
        outbox.drop_constraint(FOREIGN_KEY, type_="foreignkey")
        outbox.add_column(about)
