"""The database: reached, with the newest schema, keeping what it commits, on time."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, make_url, text

from uploads import clock
from uploads.records import migrate
from uploads.records.engine import make_engine
from workers.doctor import clocks
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State

PART = "database"
_SECONDS = 30.0
# Tables of ours that this user cannot fill; has_table_privilege() takes a list for "any of these".
_CLOSED = """
SELECT tablename FROM pg_tables
WHERE schemaname = ANY (current_schemas(false)) AND NOT (
    has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')
    AND has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT')
) ORDER BY tablename
"""
# What there is for this user, who is no superuser; only newer servers keep some for other roles.
_ROOM = """
SELECT most, LEAST(
    most - kept, NULLIF(rolconnlimit, -1), NULLIF(datconnlimit, -1)
), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
FROM (
    SELECT current_setting('max_connections')::int AS most,
        current_setting('superuser_reserved_connections')::int
        + COALESCE(current_setting('reserved_connections', true), '0')::int AS kept
) AS server, pg_roles, pg_database WHERE rolname = session_user AND datname = current_database()
"""
_UPGRADE = "bring it up to date with `uploads db upgrade`; until then nothing starts"


def looks(database_url: str, opened: int = 0) -> list[Look]:
    """`opened` is how many connections this machine's processes may open to a PostgreSQL."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        missing = Finding(PART, "reach", State.BROKEN, f"{url.database} does not exist", _UPGRADE)
        return [Look(PART, "reach", lambda: missing, _SECONDS)]
    tries: dict[str, Callable[[Connection], Finding]] = {
        "reach": _reach,
        "writing": _writing,
        "durability": _durability,
        "clock": _clock,
    }
    if url.get_backend_name() == "postgresql":
        tries["connections"] = partial(_connections, opened)
    schema = Look(PART, "schema", lambda: _schema(database_url), _SECONDS)
    return [schema, *(_look(database_url, name, do) for name, do in tries.items())]


def _look(database_url: str, name: str, do: Callable[[Connection], Finding]) -> Look:
    def tried() -> Finding:
        engine = make_engine(database_url)
        try:
            with engine.connect() as connection:
                return do(connection)
        finally:
            engine.dispose()

    return Look(PART, name, tried, _SECONDS)


def _schema(database_url: str) -> Finding:
    if migrate.needs_upgrade(database_url):
        return Finding(PART, "schema", State.BROKEN, "migrations are missing", _UPGRADE)
    return Finding(PART, "schema", State.OK, "is the newest")


def _reach(connection: Connection) -> Finding:
    if connection.dialect.name == "sqlite":
        version = connection.scalar(text("SELECT sqlite_version()"))
        return Finding(PART, "reach", State.OK, f"SQLite {version}")
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        follows = "nothing can be accepted: let UPLOADS_DATABASE_URL name the primary"
        return Finding(PART, "reach", State.BROKEN, "this server only reads", follows)
    version = connection.scalar(text("SHOW server_version"))
    return Finding(PART, "reach", State.OK, f"PostgreSQL {version}")


def _writing(connection: Connection) -> Finding:
    """Whether what is accepted could be written: the server lets this user, and now."""
    follows = "nothing can be accepted: uploads and pages end with 503"
    if connection.dialect.name == "sqlite":
        path = Path(connection.engine.url.database or "")
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            found = f"this user may not write {path} and its folder"
            return Finding(PART, "writing", State.BROKEN, found, follows)
        return Finding(PART, "writing", State.OK, "may be written")
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        found = "transactions may only read"
        cause = "a standby, or default_transaction_read_only of server, database or user"
        return Finding(PART, "writing", State.BROKEN, found, f"{follows}: {cause}")
    closed = connection.scalars(text(_CLOSED)).all()
    if closed:
        found = "this user may not write " + ", ".join(closed[:3]) + ("…" if closed[3:] else "")
        return Finding(PART, "writing", State.BROKEN, found, f"{follows}: let it own the tables")
    return Finding(PART, "writing", State.OK, "may be written")


def _durability(connection: Connection) -> Finding:
    """Whether a commit is on the disk when it is answered, as far as the database says."""
    if connection.dialect.name == "sqlite":
        mode = connection.scalar(text("PRAGMA journal_mode"))
        level = connection.scalar(text("PRAGMA synchronous"))
        # 2 is FULL (sqlite.org/pragma.html#pragma_synchronous).
        fine, told = mode == "wal" and level == 2, f"journal {mode}, synchronous {level}"
    else:
        names = ("fsync", "full_page_writes", "synchronous_commit")
        values = {name: str(connection.scalar(text(f"SHOW {name}"))) for name in names}
        fine = "off" not in values.values()
        told = ", ".join(f"{name} {value}" for name, value in values.items())
    if fine:
        return Finding(PART, "durability", State.OK, told)
    follows = "what was answered 2xx can be lost with the power: turn it on"
    return Finding(PART, "durability", State.DEGRADED, told, follows)


def _connections(opened: int, connection: Connection) -> Finding:
    """Whether all that this machine's processes may open at once is to be had."""
    most, ours, used = connection.execute(text(_ROOM)).one()
    told = f"this machine opens up to {opened} of {ours}; {used} are in use"
    if opened <= ours:
        return Finding(PART, "connections", State.OK, told)
    follows = (
        "with all of them at work some get none: uploads end with 503 and workers wait. Set "
        f"max_connections to {most + opened - ours} or more (and a limit of the role or the "
        "database where there is one), or lower UPLOADS_DATABASE_CONNECTIONS"
    )
    return Finding(PART, "connections", State.DEGRADED, told, follows)


def _clock(connection: Connection) -> Finding:
    if connection.dialect.name == "sqlite":
        return Finding(PART, "clock", State.OK, "is this machine's")
    before = clock.now()
    theirs = connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(theirs, datetime)
    return clocks.compare(PART, theirs.astimezone(UTC), before, clock.now())
