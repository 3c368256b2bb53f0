"""Links, the documents behind each, and what its counted downloads may still be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("owner_id", sa.String, nullable=False),
        sa.Column("disposition", sa.String, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("max_downloads", sa.BigInteger),
        sa.Column("password_hash", sa.String),
        sa.Column("downloads", sa.BigInteger, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_links_owner_id"),
    )
    op.create_index("ix_links_owner_id_created_at_id", "links", ["owner_id", "created_at", "id"])
    op.create_index("ix_links_expires_at", "links", ["expires_at"])
    op.create_index("ix_links_ended_at", "links", ["ended_at"])
    op.create_table(
        "link_documents",
        sa.Column("link_id", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("document_id", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("link_id", "position", name="pk_link_documents"),
        sa.ForeignKeyConstraint(
            ["link_id"], ["links.id"], name="fk_link_documents_link_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_link_documents_document_id", "link_documents", ["document_id"])
    op.create_table(
        "link_uses",
        sa.Column("link_id", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("bytes_left", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("link_id", "number", name="pk_link_uses"),
        sa.ForeignKeyConstraint(
            ["link_id"], ["links.id"], name="fk_link_uses_link_id", ondelete="CASCADE"
        ),
    )
