"""The table of who had his turn, as SQLAlchemy Core sees it."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from uploads.records.tables import UtcDateTime, metadata

# When a job of this kind of this owner was last begun.
turns = Table(
    "turns",
    metadata,
    Column("kind", String, primary_key=True),
    Column("owner_id", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
