"""How often an engine was late over a job's file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("late", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
