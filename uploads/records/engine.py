"""How each database is reached: pragmas, time limits, pool, and what begins a transaction.

Knows the two databases; knows no table and no retry.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection

from uploads.records.cooperative import CooperativeConnection
from uploads.records.passwords import SecretPassword, without_secret

LOCK_SECONDS = 5
MIGRATION_LOCK_SECONDS = 60
_WRITES = "uploads_writes"
_ALONE = "uploads_alone"
_POSTGRESQL_OPTIONS = {
    "statement_timeout": "15s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": "15s",
    "synchronous_commit": "on",
    "timezone": "UTC",
}


def make_engine(database_url: str) -> Engine:
    """A pooled engine for `sqlite:///PATH` or `postgresql+psycopg://…`.

    Raises ValueError for any other database.
    """
    url = _checked(database_url)
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    engine = create_engine(url, pool_size=8, max_overflow=24, pool_timeout=10)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def make_migration_engine(database_url: str) -> Engine:
    """An engine for one long transaction that nobody else runs at the same time.

    SQLite alters a table by copying and dropping it, so references are not enforced meanwhile.
    """
    url = _checked(database_url)
    if url.get_backend_name() == "postgresql":
        address, secret = without_secret(url)
        waits = {"connect_timeout": 5}
        engine = create_engine(address, poolclass=NullPool, connect_args=waits)
        event.listen(engine, "do_connect", _connecting(psycopg.Connection, secret))
        return engine
    engine = create_engine(url, poolclass=NullPool)
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
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    raise ValueError("UPLOADS_DATABASE_URL must be sqlite:///PATH or postgresql+psycopg://…")


def _postgresql(url: URL) -> Engine:
    options = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_OPTIONS.items())
    address, secret = without_secret(url)
    engine = create_engine(
        address,
        # A connection that was lost while it lay idle is noticed by its first statement, and thrown
        # away with all that are as old, and the unit is run again: no question before each unit.
        # All are kept once they are made: each new one is a new process for the server.
        pool_size=15,
        max_overflow=0,
        pool_timeout=10,
        # Without the last one, a host that vanished is noticed only after a quarter of an hour.
        connect_args={"options": options, "connect_timeout": 5, "tcp_user_timeout": 15_000},
    )
    event.listen(engine, "do_connect", _connecting(CooperativeConnection, secret))
    return engine


def _connecting(
    kind: type[psycopg.Connection[Any]], secret: SecretPassword | None
) -> Callable[..., DBAPIConnection]:
    """What opens a connection of this kind, with the user and password of the secret if any."""

    def connect(
        _dialect: object, _record: object, words: Sequence[Any], named: Mapping[str, Any]
    ) -> DBAPIConnection:
        begin = partial(kind.connect, *words, **named)
        return cast(DBAPIConnection, begin() if secret is None else secret.sign_in(begin))

    return connect


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
    if connection.info.get(_WRITES) is not writes:
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.info[_WRITES] = writes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
