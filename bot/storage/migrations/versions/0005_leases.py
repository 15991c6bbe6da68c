"""A replica lives as long as it renews its lease, not as long as a connection is open.

What the release before left there is expired: its replicas have to be stopped first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.drop_table("replica")
    op.create_table(
        "replica",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
    )
