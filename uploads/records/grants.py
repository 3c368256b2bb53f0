"""Grants in the database. An open one is counted in its owner's usage, by the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from uploads.documents.grants import Grant, GrantMethod, GrantState, grant_id_of
from uploads.documents.model import Usage
from uploads.records.statements import storable
from uploads.records.tables import grants
from uploads.records.usage import tally

# Built once: to build it anew costs as much as to execute it.
_ADD = insert(grants)
_COLUMNS = tuple(one.name for one in fields(Grant))


class SqlGrants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, grant: Grant) -> Usage:
        self._connection.execute(_ADD, {name: getattr(grant, name) for name in _COLUMNS})
        return tally(self._connection, grant.owner_id, grant.size, 1)

    def get(self, owner_id: str, grant_id: str) -> Grant | None:
        return self._one(grant_id, grants.c.owner_id == owner_id)

    def end(self, grant_id: str, state: GrantState) -> bool:
        ended = self._connection.execute(
            update(grants)
            .where(grants.c.id == grant_id, grants.c.state == GrantState.OPEN.value)
            .values(state=state.value)
            .returning(grants.c.owner_id, grants.c.size)
        ).one_or_none()
        if ended is not None:
            tally(self._connection, ended.owner_id, -ended.size, -1)
        return ended is not None

    def names(self, key: str) -> bool:
        found = self._one(grant_id_of(key), grants.c.state == GrantState.OPEN.value)
        return found is not None and found.has_key(key)

    def overdue(self, now: datetime, limit: int) -> Sequence[Grant]:
        rows = self._connection.execute(
            select(grants)
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
            select(grants).where(grants.c.id == grant_id, *conditions)
        ).one_or_none()
        return None if row is None else _grant(row)


def _grant(row: Row[Any]) -> Grant:
    values = {**row._mapping}
    values["method"] = GrantMethod(values["method"])
    values["state"] = GrantState(values["state"])
    return Grant(**values)
