"""The segments of documents on their way in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from uploads.documents.model import Segment, State
from uploads.records.prepared import Prepared
from uploads.records.tables import documents, segments

# Built once, like all that each upload does.
_ADD_SEGMENT = Prepared(insert(segments))
_waiting = select(documents.c.id).where(documents.c.state == State.QUARANTINED.value)
_COLUMNS = (segments.c.offset, segments.c.size, segments.c.key, segments.c.start)


class SqlSegments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_segment(self, document_id: str, segment: Segment) -> None:
        _ADD_SEGMENT.run(
            self._connection,
            {
                "document_id": document_id,
                "offset": segment.offset,
                "size": segment.size,
                "key": segment.key,
                "start": segment.start,
            },
        )

    def segments(self, document_id: str) -> Sequence[Segment]:
        rows = self._connection.execute(
            select(*_COLUMNS)
            .where(segments.c.document_id == document_id)
            .order_by(segments.c.offset)
        )
        return [Segment(**row._mapping) for row in rows]

    def drop_segments(self, document_id: str) -> Sequence[Segment]:
        rows = self._connection.execute(
            delete(segments).where(segments.c.document_id == document_id).returning(*_COLUMNS)
        )
        dropped = [Segment(**row._mapping) for row in rows]
        return sorted(dropped, key=lambda segment: segment.offset)

    def move_segment(self, document_id: str, segment: Segment, key: str) -> bool:
        moved = self._connection.execute(
            update(segments)
            .where(
                segments.c.document_id == document_id,
                segments.c.offset == segment.offset,
                segments.c.key == segment.key,
                segments.c.document_id.in_(_waiting),
            )
            .values(key=key, start=None)
        )
        return moved.rowcount == 1

    def held(self, key: str) -> bool:
        found = self._connection.execute(select(segments.c.key).where(segments.c.key == key))
        return found.first() is not None
