"""What each user keeps here: one row of sums, changed by whoever changes what it adds up.

A document counts with its `size` from the moment it is added until it is gone, an open grant like
the document that it will become. The row is written
in the transaction of the documents' own change, so it holds them in turn: of two uploads at the
same time, the second one sees the first one's bytes, on PostgreSQL as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite

from uploads.documents.grants import GrantState
from uploads.documents.model import GONE, State, Usage
from uploads.records.prepared import Prepared
from uploads.records.statements import upsert
from uploads.records.tables import documents, grants, usage, users

GONE_NAMES = tuple(sorted(state.value for state in GONE))
_ALL = (usage.c.bytes_used, usage.c.files_used, usage.c.bytes_limit, usage.c.files_limit)
_OF = Prepared(select(*_ALL).where(usage.c.user_id == bindparam("owner")))


def _adding(insert: Callable[[Table], Any]) -> Prepared:
    """Made once for each dialect: every upload runs it, and making it costs more than running."""
    statement = insert(usage).values(
        user_id=bindparam("owner"),
        bytes_used=bindparam("size"),
        files_used=bindparam("files"),
        last_event=bindparam("events"),
    )
    added = {
        "bytes_used": usage.c.bytes_used + bindparam("size"),
        "files_used": usage.c.files_used + bindparam("files"),
        "last_event": usage.c.last_event + bindparam("events"),
    }
    whole = statement.on_conflict_do_update(index_elements=[usage.c.user_id], set_=added)
    return Prepared(whole.returning(*_ALL, usage.c.last_event))


_ADD = {"sqlite": _adding(sqlite.insert), "postgresql": _adding(postgresql.insert)}


def tally(connection: Connection, user_id: str, size: int, files: int) -> Usage:
    """Add to a user's sums (or take away, below zero); returns what they are from now on."""
    return count(connection, user_id, size, files, 0)[0]


def count(
    connection: Connection, user_id: str, size: int, files: int, events: int
) -> tuple[Usage, int]:
    """The same where something happened besides; returns the number of the newest event as well."""
    statement = _ADD[connection.dialect.name]
    values = {"owner": user_id, "size": size, "files": files, "events": events}
    [(*sums, last_event)] = statement.run(connection, values)
    return Usage(*sums), last_event


def counts(state: State) -> bool:
    """Whether a document in this state takes up room of its owner's."""
    return state not in GONE


class SqlUsages:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, user_id: str) -> Usage:
        rows = _OF.run(self._connection, {"owner": user_id})
        return Usage(*rows[0]) if rows else Usage(0, 0)

    def set_limits(self, user_id: str, bytes_limit: int | None, files_limit: int | None) -> None:
        limits = {"bytes_limit": bytes_limit, "files_limit": files_limit}
        self._connection.execute(
            upsert(self._connection, usage)
            .values(user_id=user_id, bytes_used=0, files_used=0, **limits)
            .on_conflict_do_update(index_elements=[usage.c.user_id], set_=limits)
        )

    def drifted(self) -> Sequence[str]:
        """One statement, so that it sees one moment on both databases."""
        counted = union_all(
            select(documents.c.owner_id, documents.c.size).where(
                documents.c.state.not_in(GONE_NAMES)
            ),
            select(grants.c.owner_id, grants.c.size).where(grants.c.state == GrantState.OPEN.value),
        ).subquery()
        kept = (
            select(
                counted.c.owner_id,
                func.sum(counted.c.size).label("bytes"),
                func.count().label("files"),
            )
            .group_by(counted.c.owner_id)
            .subquery()
        )
        found = self._connection.execute(
            select(users.c.id)
            .outerjoin(usage, usage.c.user_id == users.c.id)
            .outerjoin(kept, kept.c.owner_id == users.c.id)
            .where(
                or_(
                    func.coalesce(usage.c.bytes_used, 0) != func.coalesce(kept.c.bytes, 0),
                    func.coalesce(usage.c.files_used, 0) != func.coalesce(kept.c.files, 0),
                )
            )
            .order_by(users.c.id)
        )
        return list(found.scalars())
