"""Grants, the digest that a client promised for a document, and answers that are kept."""

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
    op.create_table(
        "answers",
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("begun_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("content_type", sa.String),
        sa.Column("body", sa.String),
        sa.Column("location", sa.String),
        sa.PrimaryKeyConstraint("caller", "route", "key", name="pk_answers"),
    )
    op.create_index("ix_answers_begun_at", "answers", ["begun_at"])
    op.add_column("documents", sa.Column("promised_sha256", sa.String))
