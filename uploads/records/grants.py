"""Grants in the database. An open one is counted in its owner's usage, by the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from uploads.documents.grants import Grant, GrantMethod, GrantState, grant_id_of
from uploads.documents.model import Document, Job, Usage
from uploads.records import completing, giving
from uploads.records.prepared import Prepared
from uploads.records.statements import storable
from uploads.records.tables import grants
from uploads.records.usage import tally

# Built once: to build it anew costs as much as to execute it.
_COLUMNS = tuple(grants.c[one.name] for one in fields(Grant))
_NAMES = tuple(one.name for one in _COLUMNS)
_GET = Prepared(
    select(*_COLUMNS)
    .where(grants.c.id == bindparam("wanted"))
    .where(grants.c.owner_id == bindparam("by"))
)
_END = Prepared(
    update(grants)
    .where(grants.c.id == bindparam("ended"), grants.c.state == bindparam("open"))
    .values(state=bindparam("next"))
    .returning(grants.c.owner_id, grants.c.size)
)


class SqlGrants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, grant: Grant) -> Usage:
        giving.add(self._connection, grant)
        return tally(self._connection, grant.owner_id, grant.size, 1)

    def add_within(self, grant: Grant, most_bytes: int, most_files: int) -> bool:
        return giving.add_within(self._connection, grant, most_bytes, most_files)

    def get(self, owner_id: str, grant_id: str) -> Grant | None:
        if not storable(grant_id):
            return None
        rows = _GET.run(self._connection, {"wanted": grant_id, "by": owner_id})
        return _grant(rows[0]) if rows else None

    def end(self, grant_id: str, state: GrantState) -> bool:
        values = {"ended": grant_id, "open": GrantState.OPEN.value, "next": state.value}
        for owner_id, size in _END.run(self._connection, values):
            tally(self._connection, owner_id, -size, -1)
            return True
        return False

    def complete(self, grant: Grant, document: Document, job: Job) -> bool:
        return completing.complete(self._connection, grant, document, job)

    def names(self, key: str) -> bool:
        found = self._one(grant_id_of(key), grants.c.state == GrantState.OPEN.value)
        return found is not None and found.has_key(key)

    def overdue(self, now: datetime, limit: int) -> Sequence[Grant]:
        rows = self._connection.execute(
            select(*_COLUMNS)
            .where(grants.c.state == GrantState.OPEN.value, grants.c.expires_at <= now)
            .order_by(grants.c.expires_at)
            .limit(limit)
        )
        return [_grant(row) for row in rows]

    def remove_ended(self, expired_before: datetime) -> int:
        return self._connection.execute(
            delete(grants)
            .where(grants.c.state != GrantState.OPEN.value)
            .where(grants.c.expires_at < expired_before)
        ).rowcount

    def _one(self, grant_id: str, *conditions: ColumnElement[bool]) -> Grant | None:
        if not storable(grant_id):
            return None
        row = self._connection.execute(
            select(*_COLUMNS).where(grants.c.id == grant_id, *conditions)
        ).one_or_none()
        return None if row is None else _grant(row)


def _grant(row: Sequence[Any]) -> Grant:
    values = dict(zip(_NAMES, row, strict=True))
    values["method"] = GrantMethod(values["method"])
    values["state"] = GrantState(values["state"])
    return Grant(**values)
