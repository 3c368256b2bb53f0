"""The tables, as SQLAlchemy Core sees them, and the one type for points in time.

What stands here must agree with the migrations; a test compares the two on both databases. This
module knows no engine and no query.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; a naive one is refused, never guessed.

    SQLite keeps text of fixed width without a zone, so that its order is the order of time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be recorded")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Tombstones keep the time at which they expired: among them nobody looks for what is due.
_MAY_EXPIRE = "state NOT IN ('deleted', 'expired', 'receiving')"
# SQLite numbers rows by itself only where the column is exactly INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")


def _time(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, String, nullable=nullable)


def _document_id(*, primary_key: bool = False) -> Column[Any]:
    """Whatever hangs on a document goes with its row."""
    return Column(
        "document_id",
        String,
        ForeignKey("documents.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False, unique=True),
    _text("password_hash"),
    _text("role"),
    _time("created_at"),
    _time("disabled_at", nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.id"), nullable=False, index=True),
    _time("created_at"),
    Column("last_seen_at", UtcDateTime, nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.id"), nullable=False, index=True),
    _text("name"),
    _text("secret_hash"),
    Column("scopes", JSON, nullable=False),
    _time("created_at"),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
    _time("expires_at", nullable=True),
    _text("made_by", nullable=True),
)

# What each user's documents add up to, kept by every statement that changes them; a limit of NULL
# is the service's own, 0 is none.
usage = Table(
    "usage",
    metadata,
    Column("user_id", String, ForeignKey("users.id"), primary_key=True),
    Column("bytes_used", BigInteger, nullable=False),
    Column("files_used", BigInteger, nullable=False),
    Column("bytes_limit", BigInteger, nullable=True),
    Column("files_limit", BigInteger, nullable=True),
    # The number of the user's newest event.
    Column("last_event", BigInteger, nullable=False, server_default=text("0")),
)

# `promised_sha256` is what a client said of bytes that only the worker reads.
# `name_folded` is what a search looks through: neither database folds case beyond ASCII in the
# same way. `verdict` repeats the newest row of `verdicts`, so that a list needs no join. `engines`
# is the fingerprint of what it was inspected with, `risk` its place among those to look at anew.
documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner_id", String, ForeignKey("users.id"), nullable=False),
    _text("name"),
    _text("name_folded"),
    Column("size", BigInteger, nullable=False),
    _text("declared_type", nullable=True),
    _text("type"),
    _text("state"),
    _time("created_at"),
    _time("updated_at"),
    _text("sha256", nullable=True),
    _text("promised_sha256", nullable=True),
    _time("expires_at", nullable=True),
    _text("clean_key", nullable=True),
    _text("quarantine_key", nullable=True),
    Column("verdict", JSON(none_as_null=True), nullable=True),
    Column("engines", String, nullable=False, server_default=text("''")),
    Column("risk", Integer, nullable=False, server_default=text("0")),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "state", "updated_at"),
    Index(
        "ix_documents_expiring",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL AND " + _MAY_EXPIRE),
        postgresql_where=text("expires_at IS NOT NULL AND " + _MAY_EXPIRE),
    ),
    Index(
        "ix_documents_clean",
        *("engines", "risk", "created_at"),
        sqlite_where=text("state = 'clean'"),
        postgresql_where=text("state = 'clean'"),
    ),
)

# What clients may put into `incoming` themselves. The keys are made of `id`.
grants = Table(
    "grants",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner_id", String, ForeignKey("users.id"), nullable=False),
    _text("name"),
    Column("size", BigInteger, nullable=False),
    _text("declared_type", nullable=True),
    _text("type"),
    _text("sha256", nullable=True),
    _text("method"),
    Column("part_size", BigInteger, nullable=False),
    _text("state"),
    _time("created_at"),
    _time("expires_at"),
    Index(None, "state", "expires_at"),
)

segments = Table(
    "segments",
    metadata,
    _document_id(primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    _text("key"),
    Column("start", BigInteger, nullable=True),
    Index(None, "key"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", _Serial, primary_key=True),
    _document_id(),
    _time("inspected_at"),
    _text("sha256"),
    Column("verdict", JSON, nullable=False),
    Index(None, "document_id"),
)

renditions = Table(
    "renditions",
    metadata,
    _document_id(primary_key=True),
    Column("name", String, primary_key=True),
    _text("type"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    _text("key"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    _text("kind"),
    _document_id(),
    _text("state"),
    _time("not_before"),
    _time("created_at"),
    _time("lease_until", nullable=True),
    Column("token", Integer, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("late", Integer, nullable=False, server_default=text("0")),
    Column("owner_id", String, nullable=False, server_default=text("''")),
    Index(None, "state", "created_at"),
    Index(None, "document_id", "state"),
    # From one owner to the next, and who has something under way (`turns.py`).
    Index(
        "ix_jobs_due",
        *("kind", "owner_id", "not_before"),
        sqlite_where=text("state = 'due'"),
        postgresql_where=text("state = 'due'"),
    ),
    Index(
        "ix_jobs_leased",
        *("kind", "lease_until"),
        sqlite_where=text("state = 'due' AND lease_until IS NOT NULL"),
        postgresql_where=text("state = 'due' AND lease_until IS NOT NULL"),
    ),
)

# Answers under an Idempotency-Key; without a status the request is under way, and was alive at
# begun_at. An upload has no fingerprint before its answer.
answers = Table(
    "answers",
    metadata,
    Column("caller", String, primary_key=True),
    Column("route", String, primary_key=True),
    Column("key", String, primary_key=True),
    _text("fingerprint"),
    Column("begun_at", UtcDateTime, nullable=False, index=True),
    Column("status", Integer, nullable=True),
    _text("content_type", nullable=True),
    _text("body", nullable=True),
    _text("location", nullable=True),
)

leftovers = Table(
    "leftovers",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("due_at", UtcDateTime, nullable=False, index=True),
    Column("doomed", Boolean, nullable=False, default=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    _text("actor"),
    _text("action"),
    Column("subject", String, nullable=False, index=True),
    Column("detail", JSON, nullable=False),
)
