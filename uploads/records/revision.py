"""Which schema this code wants, known without the migrations and the tool that runs them.

Every process asks, few of them migrate: with Alembic they would load what they never use.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

NEWEST = "0012"
"""The newest migration's revision. A test holds it against the migrations themselves."""

# Alembic's own table: `MigrationContext`, version_table.
_TABLE = "alembic_version"


class MigrationFailed(Exception):
    """Raised when a migration did not come to its end: which one, why, and what is left of it."""


class OtherSchema(Exception):
    """Raised where the database has another schema than this version wants; says what to do."""


def is_current(connection: Connection) -> bool:
    """Whether the schema on this connection is the newest that this code knows."""
    return found(connection) == NEWEST


def found(connection: Connection) -> str:
    """The revision of the schema on this connection; empty where there is none."""
    if not inspect(connection).has_table(_TABLE):
        return ""
    rows = connection.execute(text(f"SELECT version_num FROM {_TABLE}"))  # noqa: S608
    return " ".join(sorted(rows.scalars()))


def refuse_other(revision: str) -> None:
    """Raises OtherSchema: who writes into a schema of another version may break what it means."""
    if revision == NEWEST:
        return
    if revision > NEWEST:
        raise OtherSchema(
            f"The database has the schema {revision} of a newer version; this one wants {NEWEST}. "
            "Start the version that it belongs to."
        )
    has = f"the schema {revision}" if revision else "no schema yet"
    raise OtherSchema(
        f"The database has {has}; this version wants {NEWEST}. Run `uploads db upgrade`, then "
        "start it again."
    )
