"""Documents with their segments, verdicts and renditions."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from uploads.documents.errors import IllegalMove
from uploads.documents.model import GONE, MOVES, Document, Rendition, Segment, State, Verdict
from uploads.records import verdicts
from uploads.records.protocol import DocumentFilter
from uploads.records.statements import storable, upsert
from uploads.records.tables import documents, renditions, segments
from uploads.records.tables import verdicts as verdict_rows

MOVABLE = frozenset({"name", "size", "sha256", "type", "clean_key", "quarantine_key", "expires_at"})
_BATCH = 500
# Longer than any folded name; SQLite refuses LIKE patterns above 50,000 bytes.
_LONGEST_SEARCH = 4096


class SqlDocuments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, document: Document) -> None:
        verdict = document.verdict
        self._connection.execute(
            insert(documents).values(
                id=document.id,
                owner_id=document.owner_id,
                name=document.name,
                name_folded=_folded(document.name),
                size=document.size,
                declared_type=document.declared_type,
                type=document.type,
                state=document.state.value,
                created_at=document.created_at,
                updated_at=document.updated_at,
                sha256=document.sha256,
                expires_at=document.expires_at,
                clean_key=document.clean_key,
                quarantine_key=document.quarantine_key,
            )
        )
        if verdict is not None:
            self.add_verdict(document.id, verdict)
        for rendition in document.renditions:
            self.add_rendition(document.id, rendition)

    def get(self, owner_id: str, document_id: str) -> Document | None:
        return self._one(document_id, documents.c.owner_id == owner_id)

    def find(self, document_id: str) -> Document | None:
        return self._one(document_id)

    def page(
        self, owner_id: str, chosen: DocumentFilter, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Document]:
        condition = _chosen(chosen)
        if condition is None:
            return []
        statement = (
            select(documents)
            .where(documents.c.owner_id == owner_id, *condition)
            .order_by(documents.c.created_at.desc(), documents.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            if not storable(before[1]):
                return []
            statement = statement.where(tuple_(documents.c.created_at, documents.c.id) < before)
        return self._whole(statement)

    def move(
        self,
        document_id: str,
        expected: Collection[State],
        next_state: State,
        at: datetime,
        **changes: Any,
    ) -> bool:
        """Compare-and-set the state; see the protocol. Raises TypeError for any other column."""
        for state in expected:
            if next_state not in MOVES[state]:
                raise IllegalMove(f"A document cannot go from {state} to {next_state}.")
        if unknown := changes.keys() - MOVABLE:
            raise TypeError(f"not a column that moves along: {', '.join(sorted(unknown))}")
        if "name" in changes:
            changes["name_folded"] = _folded(changes["name"])
        moved = self._connection.execute(
            update(documents)
            .where(documents.c.id == document_id)
            .where(documents.c.state.in_([state.value for state in expected]))
            .values(state=next_state.value, updated_at=at, **changes)
        )
        return moved.rowcount == 1

    def add_segment(self, document_id: str, segment: Segment) -> None:
        self._connection.execute(
            insert(segments).values(
                document_id=document_id, offset=segment.offset, size=segment.size, key=segment.key
            )
        )

    def segments(self, document_id: str) -> Sequence[Segment]:
        rows = self._connection.execute(
            select(segments.c.offset, segments.c.size, segments.c.key)
            .where(segments.c.document_id == document_id)
            .order_by(segments.c.offset)
        )
        return [Segment(**row._mapping) for row in rows]

    def drop_segments(self, document_id: str) -> Sequence[Segment]:
        rows = self._connection.execute(
            delete(segments)
            .where(segments.c.document_id == document_id)
            .returning(segments.c.offset, segments.c.size, segments.c.key)
        )
        dropped = [Segment(**row._mapping) for row in rows]
        return sorted(dropped, key=lambda segment: segment.offset)

    def add_verdict(self, document_id: str, verdict: Verdict) -> None:
        kept = verdicts.to_json(verdict)
        self._connection.execute(
            insert(verdict_rows).values(
                document_id=document_id,
                inspected_at=verdict.inspected_at,
                sha256=verdict.sha256,
                verdict=kept,
            )
        )
        self._connection.execute(
            update(documents).where(documents.c.id == document_id).values(verdict=kept)
        )

    def add_rendition(self, document_id: str, rendition: Rendition) -> bool:
        added = self._connection.execute(
            upsert(self._connection, renditions)
            .values(
                document_id=document_id,
                name=rendition.name,
                type=rendition.type,
                width=rendition.width,
                height=rendition.height,
                size=rendition.size,
                key=rendition.key,
            )
            .on_conflict_do_nothing(index_elements=[renditions.c.document_id, renditions.c.name])
            .returning(renditions.c.name)
        )
        return added.first() is not None

    def drop_renditions(self, document_id: str) -> Sequence[Rendition]:
        rows = self._connection.execute(
            delete(renditions)
            .where(renditions.c.document_id == document_id)
            .returning(*renditions.c)
        )
        return sorted((_rendition(row) for row in rows), key=lambda rendition: rendition.name)

    def stalled(
        self, states: Collection[State], before: datetime, limit: int
    ) -> Sequence[Document]:
        return self._whole(
            select(documents)
            .where(documents.c.state.in_([state.value for state in states]))
            .where(documents.c.updated_at < before)
            .order_by(documents.c.updated_at)
            .limit(limit)
        )

    def touch(self, document_id: str, at: datetime) -> bool:
        touched = self._connection.execute(
            update(documents)
            .where(documents.c.id == document_id, documents.c.state == State.RECEIVING.value)
            .values(updated_at=at)
        )
        return touched.rowcount == 1

    def remove(self, document_id: str) -> None:
        self._connection.execute(delete(documents).where(documents.c.id == document_id))

    def all(self) -> Iterator[Document]:
        """Every document, in batches: read it to its end inside the unit of work."""
        after = ""
        while True:
            batch = self._whole(
                select(documents)
                .where(documents.c.id > after)
                .order_by(documents.c.id)
                .limit(_BATCH)
            )
            yield from batch
            if len(batch) < _BATCH:
                return
            after = batch[-1].id

    def _one(self, document_id: str, *conditions: ColumnElement[bool]) -> Document | None:
        if not storable(document_id):
            return None
        found = self._whole(select(documents).where(documents.c.id == document_id, *conditions))
        return found[0] if found else None

    def _whole(self, statement: Select[Any]) -> list[Document]:
        """Two queries for any number of documents: their rows, and all their renditions."""
        rows = self._connection.execute(statement).all()
        if not rows:
            return []
        pictures: dict[str, list[Rendition]] = defaultdict(list)
        for row in self._connection.execute(
            select(renditions)
            .where(renditions.c.document_id.in_([row.id for row in rows]))
            .order_by(renditions.c.name)
        ):
            pictures[row.document_id].append(_rendition(row))
        return [_document(row, pictures[row.id]) for row in rows]


def _chosen(chosen: DocumentFilter) -> list[ColumnElement[bool]] | None:
    """The conditions of a filter, or None where no row can meet them."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.states:
        conditions.append(documents.c.state.in_([state.value for state in chosen.states]))
    else:
        conditions.append(documents.c.state.not_in([state.value for state in sorted(GONE)]))
    if chosen.type is not None:
        if not storable(chosen.type):
            return None
        conditions.append(documents.c.type == chosen.type)
    if chosen.text:
        folded = _folded(chosen.text)
        if not storable(folded) or len(folded) > _LONGEST_SEARCH:
            return None
        conditions.append(documents.c.name_folded.contains(folded, autoescape=True))
    return conditions


def _folded(text: str) -> str:
    """The same text for every way to write it, large or small (Unicode 3.13, D144)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _document(row: Row[Any], pictures: Sequence[Rendition]) -> Document:
    return Document(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        size=row.size,
        declared_type=row.declared_type,
        type=row.type,
        state=State(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        sha256=row.sha256,
        verdict=None if row.verdict is None else verdicts.from_json(row.verdict),
        renditions=tuple(pictures),
        expires_at=row.expires_at,
        clean_key=row.clean_key,
        quarantine_key=row.quarantine_key,
    )


def _rendition(row: Row[Any]) -> Rendition:
    return Rendition(
        name=row.name,
        type=row.type,
        width=row.width,
        height=row.height,
        size=row.size,
        key=row.key,
    )
