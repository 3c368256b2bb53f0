"""Grants, and the digest that a client promised for a document."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("owner_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("declared_type", sa.String),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("sha256", sa.String),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("part_size", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_grants_owner_id"),
    )
    op.create_index("ix_grants_state_expires_at", "grants", ["state", "expires_at"])
    op.add_column("documents", sa.Column("promised_sha256", sa.String))
