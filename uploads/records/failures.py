"""What a database's error means: try again, not available, or somebody was first.

Knows both drivers' error codes; knows no table and no unit of work.
"""

from __future__ import annotations

import sqlite3

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
    if state in _POSTGRESQL_AGAIN:
        return True
    unreachable = error.connection_invalidated or (
        state is None and isinstance(error, OperationalError)
    )
    return unreachable and not committing


def translate(error: SQLAlchemyError) -> UploadsError | None:
    """The catalogue's word for a database error, or None where it is a mistake in our code."""
    if isinstance(error, IntegrityError):
        return Conflict()
    if _is_full(error):
        return StorageFull("the database's disk is full")
    # psycopg's and sqlite3's plain DatabaseError: a damaged file, a server that speaks nonsense.
    broken = isinstance(error, (OperationalError, InterfaceError, InternalError, PoolTimeout))
    plain = type(error) is DatabaseError
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return RecordsUnavailable(type(error).__name__) if broken or plain or lost else None


def _is_full(error: SQLAlchemyError) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or getattr(original, "sqlstate", None) == _POSTGRESQL_FULL
