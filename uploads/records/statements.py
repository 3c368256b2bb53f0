"""Statements that both databases have but spell in their own dialects, and what text they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, false, tuple_
from sqlalchemy.dialects import postgresql, sqlite

Before = tuple[datetime, str] | None
"""Where the page before has ended: the time and the id of its last row."""


def upsert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can be given an ON CONFLICT clause.

    Whether it inserted is known from RETURNING alone: SQLAlchemy promises `rowcount` only for
    UPDATE and DELETE.
    """
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def storable(untrusted_text: str) -> bool:
    """Whether a database could hold this text at all; what it cannot hold, nothing matches.

    PostgreSQL has no NUL in text, and neither database has half of a surrogate pair.
    """
    try:
        untrusted_text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in untrusted_text


def newest_first(statement: Select[Any], columns: Any, limit: int, before: Before) -> Select[Any]:
    """A page of rows that have `created_at` and `id`, strictly older than `before`."""
    if before is not None:
        older = tuple_(columns.created_at, columns.id) < before
        statement = statement.where(older if storable(before[1]) else false())
    return statement.order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
