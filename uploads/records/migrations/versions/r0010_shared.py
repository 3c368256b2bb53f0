"""Where a segment begins in an object that several documents share, and whose an object is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segments", sa.Column("start", sa.BigInteger, nullable=True))
    op.create_index("ix_segments_key", "segments", ["key"])
