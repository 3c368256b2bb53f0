"""The tables of links. What hangs on a link goes with its row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from uploads.records.tables import UtcDateTime, metadata

links = Table(
    "links",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner_id", String, ForeignKey("users.id"), nullable=False),
    Column("disposition", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=True, index=True),
    Column("max_downloads", BigInteger, nullable=True),
    Column("password_hash", String, nullable=True),
    Column("downloads", BigInteger, nullable=False),
    Column("ended_at", UtcDateTime, nullable=True, index=True),
    Index(None, "owner_id", "created_at", "id"),
)

# No reference to `documents`: a link must know that it misses one, long after that one is gone.
link_documents = Table(
    "link_documents",
    metadata,
    Column("link_id", String, ForeignKey("links.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("document_id", String, nullable=False, index=True),
)

# One row for each counted download of a link whose downloads are limited.
link_uses = Table(
    "link_uses",
    metadata,
    Column("link_id", String, ForeignKey("links.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("bytes_left", BigInteger, nullable=False),
)
