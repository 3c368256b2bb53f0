"""The table of releases: one row for each document that an administrator asked to release."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from uploads.records.tables import UtcDateTime, metadata

releases = Table(
    "releases",
    metadata,
    Column("document_id", String, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String, nullable=False),
    Column("asked_by", String, ForeignKey("users.id"), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_reason", String, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("confirmed_by", String, ForeignKey("users.id"), nullable=True),
    Column("confirmed_at", UtcDateTime, nullable=True),
    Column("confirmed_reason", String, nullable=True),
)
