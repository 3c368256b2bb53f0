"""Requests to release refused files, and who confirmed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("document_id", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("asked_reason", sa.String, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("confirmed_by", sa.String),
        sa.Column("confirmed_at", _TIME),
        sa.Column("confirmed_reason", sa.String),
        sa.PrimaryKeyConstraint("document_id", name="pk_releases"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_releases_document_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name="fk_releases_asked_by"),
        sa.ForeignKeyConstraint(["confirmed_by"], ["users.id"], name="fk_releases_confirmed_by"),
    )
