"""Databases as earlier versions left them: at one of their revisions, with rows.

What a revision did not have yet is left out of the rows that are put there. So rows that are to
come through unchanged have nothing in columns that came later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alembic import command
from sqlalchemy import Connection, NullPool, Table, create_engine, inspect, select

from uploads.records import migrate
from uploads.records.engine import make_migration_engine
from uploads.records.tables import metadata

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""The rows of each table, by the names of their columns."""

# The newest is the present one: nobody comes from there.
EARLIER = [one.revision for one in reversed(list(migrate._scripts().walk_revisions()))][:-1]


def rows_of(database_url: str) -> Rows:
    """Everything in a database with the newest schema."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def left_behind(database_url: str, revision: str, rows: Rows) -> None:
    """Make the empty database what the version with this revision left, with these rows."""
    with make_migration_engine(database_url).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        known = set(inspect(connection).get_table_names())
        for table in metadata.sorted_tables:
            if table.name in known and rows.get(table.name):
                _put(connection, table, revision, rows[table.name])


def _put(
    connection: Connection, table: Table, revision: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    # Numbers that the database gives are given by it here, too: it must know where it stands.
    counted = table.autoincrement_column
    known -= {counted.name} if counted is not None else set()
    connection.execute(
        table.insert(),
        [{name: _then(row, name, revision) for name in row.keys() & known} for row in rows],
    )


def _then(row: Mapping[str, Any], name: str, revision: str) -> Any:
    """Its value as that version wrote it: the first knew no size of a file on its way in."""
    if revision == EARLIER[0] and name == "size" and row.get("state") == "receiving":
        return 0
    return row[name]
