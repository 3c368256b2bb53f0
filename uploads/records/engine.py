"""How each database is reached: pragmas, time limits, pool, and what begins a transaction.

Knows the two databases; knows no table and no retry.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

LOCK_SECONDS = 5
MIGRATION_LOCK_SECONDS = 60
CONNECTIONS = 15
_WRITES = "uploads_writes"
_ALONE = "uploads_alone"


def make_engine(database_url: str, connections: int = CONNECTIONS) -> Engine:
    """A pooled engine for `sqlite:///PATH` or `postgresql+psycopg://…`.

    Of a PostgreSQL it has so many `connections` at most. Raises ValueError for any other database.
    """
    url = _checked(database_url)
    if url.get_backend_name() == "postgresql":
        # With it come its driver and AWS: only where it is the database.
        from uploads.records import postgresql  # noqa: PLC0415

        return postgresql.pooled(url, LOCK_SECONDS, connections)
    # What is written is nobody's who reads an error: names of files, hashes of passwords.
    engine = create_engine(url, pool_size=8, max_overflow=24, pool_timeout=10, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def make_migration_engine(database_url: str) -> Engine:
    """An engine for one long transaction that nobody else runs at the same time.

    SQLite alters a table by copying and dropping it, so references are not enforced meanwhile.
    """
    url = _checked(database_url)
    if url.get_backend_name() == "postgresql":
        from uploads.records import postgresql  # noqa: PLC0415

        return postgresql.unpooled(url)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "connect", _prepare_for_migration)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
    return engine


def begin_options(*, writes: bool) -> dict[str, Any]:
    """Execution options of a connection that is about to begin a transaction of this kind."""
    return {_WRITES: writes, "postgresql_readonly": not writes}


def alone_options(engine: Engine) -> dict[str, Any]:
    """Execution options of a connection that reads one statement at a time.

    Each is a transaction of its own, and none is begun around it.
    """
    if engine.dialect.name == "sqlite":
        return {_ALONE: True}
    return {"isolation_level": "AUTOCOMMIT"}


def _checked(database_url: str) -> URL:
    url = make_url(database_url)
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    raise ValueError("UPLOADS_DATABASE_URL must be sqlite:///PATH or postgresql+psycopg://…")


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    _open(connection, LOCK_SECONDS)
    connection.execute("PRAGMA foreign_keys=ON")


def _prepare_for_migration(connection: sqlite3.Connection, _record: object) -> None:
    _open(connection, MIGRATION_LOCK_SECONDS)
    connection.execute("PRAGMA foreign_keys=OFF")


def _open(connection: sqlite3.Connection, seconds: int) -> None:
    # The driver's own BEGIN is deferred and comes too late for a read that is followed by a write.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={seconds * 1000}")
    _set_wal(connection, time.monotonic() + seconds)
    connection.execute("PRAGMA synchronous=FULL")


def _set_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # The very first switch to WAL fails at once, in spite of busy_timeout, when somebody else is
    # there; afterwards it is a property of the file and this statement does nothing.
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer can fail at once, without any waiting.
    options = connection.get_execution_options()
    if options.get(_ALONE):
        return
    writes = options.get(_WRITES, True)
    driver = connection.connection.driver_connection
    if connection.info.get(_WRITES) is not writes:
        command(driver, f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.info[_WRITES] = writes
    command(driver, "BEGIN IMMEDIATE" if writes else "BEGIN")


def command(driver: Any, text: str) -> None:
    """Have SQLite's own driver do this. Raises SQLAlchemyError."""
    try:
        driver.execute(text)
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
