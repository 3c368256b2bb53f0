"""What a database's error means: try again, not available, or somebody was first.

Knows both drivers' error codes; knows no table and no unit of work.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import structlog
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from uploads.documents.errors import Conflict, RecordsUnavailable, StorageFull, UploadsError

_SQLITE_AGAIN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure,
# deadlock_detected, lock_not_available. The server has rolled back, whenever it says so.
_POSTGRESQL_AGAIN = {"40001", "40P01", "55P03"}
_POSTGRESQL_FULL = "53100"  # disk_full
_ONLY_READS = "the server only reads: a standby, or transactions are read-only by default"
_NO_RIGHTS = "this user may not do what the service does: see `uploads doctor`"
_NO_TABLE = "a table or a column is missing: see `uploads db check`"
# A server that is there and does not take what it should; somebody has to see to it.
_POSTGRESQL_UNFIT = {
    "25006": _ONLY_READS,  # read_only_sql_transaction
    "0A000": _ONLY_READS,  # feature_not_supported: to begin a writing transaction on a standby
    "42501": _NO_RIGHTS,  # insufficient_privilege
    "42P01": _NO_TABLE,  # undefined_table
    "42703": _NO_TABLE,  # undefined_column
}
_SAY_AGAIN_SECONDS = 60.0
_WORDS = 300
_said: dict[str, float] = {}
_log = structlog.get_logger(__name__)


def may_repeat(error: SQLAlchemyError, *, committing: bool) -> bool:
    """Whether a unit that ended with this error certainly left nothing and may be run again.

    A connection that broke while `committing` leaves open whether the commit happened: the unit
    is not repeated then.
    """
    if not isinstance(error, DBAPIError):
        return False
    original = error.orig
    if isinstance(original, sqlite3.Error):
        # Extended codes carry the primary one in their lowest byte.
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AGAIN
    state = getattr(original, "sqlstate", None)
    if state in _POSTGRESQL_AGAIN or _plan_is_old(original):
        return True
    if state in _POSTGRESQL_UNFIT:
        return False
    unreachable = error.connection_invalidated or (
        state is None and isinstance(error, OperationalError)
    )
    return unreachable and not committing


def is_open(error: SQLAlchemyError) -> bool:
    """Whether the server was told to commit, and its answer never came: nobody knows."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_outlived(error: SQLAlchemyError) -> bool:
    """Whether connections as old as this one are of no use, though their server goes on.

    After a failover they may lead to what is a standby now, and a new one to its primary; after a
    migration their plans have the types of before.
    """
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    return _plan_is_old(original) or _POSTGRESQL_UNFIT.get(str(state)) == _ONLY_READS


def translate(error: SQLAlchemyError) -> UploadsError | None:
    """The catalogue's word for a database error, or None where it is a mistake in our code."""
    if isinstance(error, IntegrityError):
        return Conflict()
    if _is_full(error):
        return StorageFull("the database's disk is full")
    if unfit := _unfit(error):
        return RecordsUnavailable(unfit)
    # psycopg's and sqlite3's plain DatabaseError: a damaged file, a server that speaks nonsense.
    broken = isinstance(error, (OperationalError, InterfaceError, InternalError, PoolTimeout))
    plain = type(error) is DatabaseError
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return RecordsUnavailable(_in_words(error)) if broken or plain or lost else None


def _is_full(error: SQLAlchemyError) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or getattr(original, "sqlstate", None) == _POSTGRESQL_FULL


def _in_words(error: SQLAlchemyError) -> str:
    """The driver's own first line, which says whom it could not reach and why."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:_WORDS]}"


def _unfit(error: SQLAlchemyError) -> str | None:
    """Why a server that is there is of no use, which the log is told now and then."""
    original: Any = getattr(error, "orig", None)
    state = str(getattr(original, "sqlstate", None))
    words = _POSTGRESQL_UNFIT.get(state)
    if words is None:
        return None
    # The server's first line, which names tables, columns and users, and no value.
    cause = f"{words} ({original.diag.message_primary})"
    now = time.monotonic()
    if now - _said.get(state, float("-inf")) >= _SAY_AGAIN_SECONDS:
        _said[state] = now
        _log.error("database_unfit", cause=cause)
    return cause


def _plan_is_old(original: object) -> bool:
    """Told by the server's own function: its words may be of any language."""
    diagnosis = getattr(original, "diag", None)
    return getattr(diagnosis, "source_function", None) == "RevalidateCachedQuery"
