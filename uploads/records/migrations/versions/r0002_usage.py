"""What each user keeps here, counted: filled from the documents that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Until now a file on its way in had a size of 0; from now on it has that of its segments.
_SIZE_WHAT_IS_COMING = """
UPDATE documents SET size = (
    SELECT COALESCE(SUM(segments.size), 0) FROM segments
    WHERE segments.document_id = documents.id
) WHERE state = 'receiving'
"""
_COUNT = """
INSERT INTO usage (user_id, bytes_used, files_used)
SELECT owner_id, SUM(size), COUNT(*) FROM documents
WHERE state NOT IN ('deleted', 'expired') GROUP BY owner_id
"""


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("bytes_used", sa.BigInteger, nullable=False),
        sa.Column("files_used", sa.BigInteger, nullable=False),
        sa.Column("bytes_limit", sa.BigInteger),
        sa.Column("files_limit", sa.BigInteger),
        sa.PrimaryKeyConstraint("user_id", name="pk_usage"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_user_id"),
    )
    op.execute(_SIZE_WHAT_IS_COMING)
    op.execute(_COUNT)
