"""Objects that are announced for deletion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from uploads.documents.model import Segment, State
from uploads.documents.packs import SHARED
from uploads.records.protocol import Leftover
from uploads.records.statements import upsert
from uploads.records.tables import documents, leftovers, segments
from uploads.storage.protocol import Bucket

_BATCH = 500
_incoming = leftovers.c.bucket == Bucket.INCOMING.value


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
            delete(leftovers).where(_is(bucket, key), leftovers.c.doomed.is_(False))
        )
        return gone.rowcount == 1

    def announced(self, bucket: Bucket, key: str) -> bool:
        found = self._connection.execute(select(leftovers.c.key).where(_is(bucket, key)))
        return found.first() is not None

    def doom(self, now: datetime, limit: int, patience: timedelta) -> Sequence[Leftover]:
        # What cannot be deleted is due for longest: it would be all that is ever tried.
        fresh = self._doom(now, limit, patience, tried=False)
        return fresh or self._doom(now, limit, patience, tried=True)

    def _doom(
        self, now: datetime, limit: int, patience: timedelta, *, tried: bool
    ) -> Sequence[Leftover]:
        due = (
            select(leftovers.c.bucket, leftovers.c.key)
            .where(leftovers.c.doomed.is_(tried))
            .where(or_(leftovers.c.due_at <= now - patience, _due_alone(now)))
            # Announced as an orphan just before its row was committed: it belongs to a document.
            .where(~exists().where(_incoming, segments.c.key == leftovers.c.key))
            .order_by(leftovers.c.due_at)
            .limit(limit)
        )
        rows = self._connection.execute(
            update(leftovers)
            .where(tuple_(leftovers.c.bucket, leftovers.c.key).in_(due))
            .values(doomed=True)
            .returning(leftovers)
        ).all()
        return sorted((_leftover(row) for row in rows), key=lambda one: one.due_at)

    def held_up(self, before: datetime, limit: int) -> Sequence[tuple[str, Segment]]:
        rows = self._connection.execute(
            select(segments)
            .join(leftovers, and_(_incoming, leftovers.c.key == segments.c.key))
            .join(documents, documents.c.id == segments.c.document_id)
            .where(
                leftovers.c.due_at <= before,
                segments.c.start.is_not(None),
                documents.c.state == State.QUARANTINED.value,
            )
            .order_by(leftovers.c.due_at, segments.c.document_id)
            .limit(limit)
        )
        return [
            (row.document_id, Segment(row.offset, row.size, row.key, row.start)) for row in rows
        ]

    def forget(self, bucket: Bucket, key: str) -> None:
        self._connection.execute(delete(leftovers).where(_is(bucket, key)))

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


def _is(bucket: Bucket, key: str) -> ColumnElement[bool]:
    return and_(leftovers.c.bucket == bucket.value, leftovers.c.key == key)


def _due_alone(now: datetime) -> ColumnElement[bool]:
    """What is due and nobody else's: a shared object's other files may be about to be recorded."""
    return and_(leftovers.c.due_at <= now, ~leftovers.c.key.startswith(SHARED, autoescape=True))


def _leftover(row: Row[tuple[object, ...]]) -> Leftover:
    return Leftover(bucket=Bucket(row.bucket), key=row.key, due_at=row.due_at)
