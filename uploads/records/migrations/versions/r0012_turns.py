"""Whose each job is, filled from the documents, and who had his turn: owners take turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WHOSE = """
UPDATE jobs SET owner_id = (
    SELECT documents.owner_id FROM documents WHERE documents.id = jobs.document_id
)
"""


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("owner_id", sa.String, nullable=False, server_default=sa.text("''"))
    )
    op.execute(_WHOSE)
    due = sa.text("state = 'due'")
    leased = sa.text("state = 'due' AND lease_until IS NOT NULL")
    for name, columns, where in (
        ("ix_jobs_due", ["kind", "owner_id", "not_before"], due),
        ("ix_jobs_leased", ["kind", "lease_until"], leased),
    ):
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "turns",
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("owner_id", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner_id", name="pk_turns"),
    )
