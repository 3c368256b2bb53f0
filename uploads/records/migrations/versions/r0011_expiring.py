"""The index of what expires holds nothing that has expired: each sweep looks there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    due = sa.text("expires_at IS NOT NULL AND state NOT IN ('deleted', 'expired', 'receiving')")
    op.drop_index("ix_documents_expires_at", "documents")
    op.create_index(
        "ix_documents_expiring",
        "documents",
        ["expires_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
