"""Statements that both databases have but spell in their own dialects, and what text they hold."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


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
