"""The table of what was proved of stores, as SQLAlchemy Core sees it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table

from uploads.records.tables import UtcDateTime, metadata

# The last word on each store that was ever signed for, by its public address and bucket.
store_proofs = Table(
    "store_proofs",
    metadata,
    Column("address", String, primary_key=True),
    Column("bucket", String, primary_key=True),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("proved_at", UtcDateTime, nullable=True),
    Column("failed_at", UtcDateTime, nullable=True),
    Column("checks_sha256", Boolean, nullable=False),
    Column("found", String, nullable=False),
)
