"""Events, webhooks and their deliveries; keys that end; documents that expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "usage", sa.Column("last_event", sa.BigInteger, nullable=False, server_default=sa.text("0"))
    )
    _create_events()
    _create_webhooks()
    _create_deliveries()
    op.add_column("api_keys", sa.Column("expires_at", _TIME))
    op.add_column("api_keys", sa.Column("made_by", sa.String))
    due = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_documents_expires_at",
        "documents",
        ["expires_at"],
        sqlite_where=due,
        postgresql_where=due,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("owner_id", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("document_id", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "number", name="pk_events"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_events_owner_id"),
    )
    op.create_index("ix_events_document_id", "events", ["document_id"])
    op.create_index("ix_events_at", "events", ["at"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("owner_id", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("disabled_at", _TIME),
        sa.Column("disabled_reason", sa.String),
        sa.Column("lease_until", _TIME),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_webhooks_owner_id"),
    )
    op.create_index(
        "ix_webhooks_owner_id_created_at_id", "webhooks", ["owner_id", "created_at", "id"]
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("webhook_id", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("document_id", sa.String),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_since", _TIME, nullable=False),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("attempts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_deliveries_document_id", "deliveries", ["document_id"])
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"])
    op.create_index(
        "ix_deliveries_webhook_id_created_at_id", "deliveries", ["webhook_id", "created_at", "id"]
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["webhook_id", "not_before"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
