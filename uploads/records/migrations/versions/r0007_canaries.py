"""Canaries of engines; what documents were inspected with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("engine", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("tried_at", _TIME, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("signatures", sa.String),
        sa.Column("good_at", _TIME),
        sa.Column("failed_at", _TIME),
        sa.Column("withdraw_from", _TIME),
        sa.Column("reach", sa.BigInteger),
        sa.Column("unpacks", sa.BigInteger),
        sa.Column("probed_at", _TIME),
        sa.Column("detail", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("engine", "place", name="pk_canaries"),
    )
    op.add_column(
        "documents", sa.Column("engines", sa.String, nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "documents", sa.Column("risk", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    clean = sa.text("state = 'clean'")
    op.create_index(
        "ix_documents_clean",
        "documents",
        ["engines", "risk", "created_at"],
        sqlite_where=clean,
        postgresql_where=clean,
    )
