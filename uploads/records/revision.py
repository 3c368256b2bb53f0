"""Which schema this code wants, known without the migrations and the tool that runs them.

Every process asks, few of them migrate: with Alembic they would load what they never use.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

NEWEST = "0011"
"""The newest migration's revision. A test holds it against the migrations themselves."""

# Alembic's own table: `MigrationContext`, version_table.
_TABLE = "alembic_version"


class MigrationFailed(Exception):
    """Raised when a migration did not come to its end: which one, why, and what is left of it."""


def is_current(connection: Connection) -> bool:
    """Whether the schema on this connection is the newest that this code knows."""
    if not inspect(connection).has_table(_TABLE):
        return False
    found = connection.execute(text(f"SELECT version_num FROM {_TABLE}"))  # noqa: S608
    return set(found.scalars()) == {NEWEST}
