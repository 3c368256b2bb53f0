"""The tables of what is told to others: events, webhooks and their deliveries."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, text

from uploads.records.tables import UtcDateTime, metadata

# One owner's events, numbered as they were committed: `usage.last_event` counts, and whoever counts
# holds that row until the commit.
events = Table(
    "events",
    metadata,
    Column("owner_id", String, ForeignKey("users.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("document_id", String, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("facts", JSON, nullable=False),
)

# `token` and `lease_until` say who speaks to the receiver now; `failures` counts calls in vain.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner_id", String, ForeignKey("users.id"), nullable=False),
    Column("url", String, nullable=False),
    Column("events", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime, nullable=True),
    Column("disabled_reason", String, nullable=True),
    Column("lease_until", UtcDateTime, nullable=True),
    Column("token", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Index(None, "owner_id", "created_at", "id"),
)

# Not bound to documents: that one is gone is told as well.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),
    Column("webhook_id", String, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", String, nullable=False),
    Column("document_id", String, nullable=True, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("due_since", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("attempts", JSON, nullable=False),
    Index(None, "webhook_id", "created_at", "id"),
    Index(
        "ix_deliveries_pending",
        "webhook_id",
        "not_before",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
