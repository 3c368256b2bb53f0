"""The table of canaries, as SQLAlchemy Core sees it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table

from uploads.records.tables import UtcDateTime, metadata

# The last word of canaries on each engine at each place (a worker's host).
canaries = Table(
    "canaries",
    metadata,
    Column("engine", String, primary_key=True),
    Column("place", String, primary_key=True),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("version", String, nullable=False),
    Column("signatures", String, nullable=True),
    Column("good_at", UtcDateTime, nullable=True),
    Column("failed_at", UtcDateTime, nullable=True),
    Column("withdraw_from", UtcDateTime, nullable=True),
    Column("reach", BigInteger, nullable=True),
    Column("unpacks", BigInteger, nullable=True),
    Column("probed_at", UtcDateTime, nullable=True),
    Column("detail", String, nullable=False),
)
