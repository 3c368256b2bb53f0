"""Whether a database that answers is of use: its schema is ours, and what is accepted can be kept.

One or two statements, which change nothing: probes ask for it.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from uploads.records.revision import is_current
from uploads.records.tables import metadata

# A transaction of ours that reads is read-only by our own will: so what others are by default.
_READS = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
_CLOSED = """
SELECT name FROM unnest(CAST(:names AS text[])) AS name
WHERE NOT COALESCE(has_table_privilege(to_regclass(name), 'INSERT'), false) ORDER BY name
"""


def what_is_lacking(connection: Connection) -> str:
    """Why nothing can be kept here, in a few words; empty where all is well."""
    if not is_current(connection):
        return "the schema is not the one of this version"
    if connection.dialect.name == "sqlite":
        return ""
    if connection.scalar(text(_READS)):
        return "the server only reads"
    names = [table.name for table in metadata.sorted_tables]
    closed = connection.scalars(text(_CLOSED), {"names": names}).all()
    return "this user may not write " + ", ".join(closed[:3]) if closed else ""
