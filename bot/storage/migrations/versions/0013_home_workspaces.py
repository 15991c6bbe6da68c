"""In which workspace each person opened their home tab."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("home", sa.Column("team_id", sa.String))
