"""What was proved of stores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "store_proofs",
        sa.Column("address", sa.String, nullable=False),
        sa.Column("bucket", sa.String, nullable=False),
        sa.Column("tried_at", _TIME, nullable=False),
        sa.Column("proved_at", _TIME),
        sa.Column("failed_at", _TIME),
        sa.Column("checks_sha256", sa.Boolean, nullable=False),
        sa.Column("found", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("address", "bucket", name="pk_store_proofs"),
    )
