"""Objects that are announced for deletion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, delete, select, tuple_

from uploads.records.protocol import Leftover
from uploads.records.statements import upsert
from uploads.records.tables import leftovers
from uploads.storage.protocol import Bucket

_BATCH = 500


class SqlLeftovers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, leftover: Leftover) -> None:
        statement = upsert(self._connection, leftovers).values(
            bucket=leftover.bucket.value, key=leftover.key, due_at=leftover.due_at
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[leftovers.c.bucket, leftovers.c.key],
                set_={"due_at": statement.excluded.due_at},
                where=statement.excluded.due_at < leftovers.c.due_at,
            )
        )

    def take_back(self, bucket: Bucket, key: str) -> bool:
        gone = self._connection.execute(
            delete(leftovers).where(leftovers.c.bucket == bucket.value, leftovers.c.key == key)
        )
        return gone.rowcount == 1

    def due(self, now: datetime, limit: int) -> Sequence[Leftover]:
        rows = self._connection.execute(
            select(leftovers)
            .where(leftovers.c.due_at <= now)
            .order_by(leftovers.c.due_at)
            .limit(limit)
        )
        return [_leftover(row) for row in rows]

    def all(self) -> Iterator[Leftover]:
        place = tuple_(leftovers.c.bucket, leftovers.c.key)
        after = ("", "")
        while True:
            rows = self._connection.execute(
                select(leftovers)
                .where(place > after)
                .order_by(leftovers.c.bucket, leftovers.c.key)
                .limit(_BATCH)
            ).all()
            yield from (_leftover(row) for row in rows)
            if len(rows) < _BATCH:
                return
            after = (rows[-1].bucket, rows[-1].key)


def _leftover(row: Row[tuple[object, ...]]) -> Leftover:
    return Leftover(bucket=Bucket(row.bucket), key=row.key, due_at=row.due_at)
