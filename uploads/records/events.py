"""Events of documents, read by number. They are written by `outbox`, with the move itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, tuple_

from uploads.documents.events import Event
from uploads.records.outbox_tables import events
from uploads.records.tables import usage


class SqlEvents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, owner_id: str) -> int:
        return self.lasts([owner_id]).get(owner_id, 0)

    def lasts(self, owner_ids: Sequence[str]) -> dict[str, int]:
        rows = self._connection.execute(
            select(usage.c.user_id, usage.c.last_event).where(usage.c.user_id.in_(owner_ids))
        )
        return {row.user_id: row.last_event for row in rows}

    def after(
        self, owner_id: str, number: int, limit: int, document_id: str | None = None
    ) -> Sequence[Event]:
        statement = (
            select(events)
            .where(events.c.owner_id == owner_id, events.c.number > number)
            .order_by(events.c.number)
            .limit(limit)
        )
        if document_id is not None:
            statement = statement.where(events.c.document_id == document_id)
        return [
            Event(row.owner_id, row.number, row.document_id, row.at, row.facts)
            for row in self._connection.execute(statement)
        ]

    def reach_back_to(self, owner_id: str, number: int) -> bool:
        first = self._connection.scalar(
            select(func.min(events.c.number)).where(events.c.owner_id == owner_id)
        )
        return number >= self.last(owner_id) or (first is not None and first <= number + 1)

    def remove_before(self, at: datetime, limit: int) -> int:
        old = (
            select(events.c.owner_id, events.c.number)
            .where(events.c.at < at)
            .order_by(events.c.at)
            .limit(limit)
        )
        key = tuple_(events.c.owner_id, events.c.number)
        return self._connection.execute(delete(events).where(key.in_(old))).rowcount
