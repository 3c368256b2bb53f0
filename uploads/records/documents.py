"""Documents with their verdicts and renditions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from uploads.documents.errors import IllegalMove
from uploads.documents.model import MOVES, Document, Rendition, State, Usage, Verdict
from uploads.records import outbox, verdicts
from uploads.records.filters import conditions_of, folded
from uploads.records.prepared import Prepared
from uploads.records.protocol import DocumentFilter
from uploads.records.rows import document_of, rendition_of, values_of
from uploads.records.segments import SqlSegments
from uploads.records.statements import newest_first, storable, upsert
from uploads.records.tables import documents, renditions
from uploads.records.tables import verdicts as verdict_rows
from uploads.records.usage import count, counts, tally

MOVABLE = frozenset({"name", "size", "sha256", "type", "clean_key", "quarantine_key", "expires_at"})
_BATCH = 500
# Spelt out: a partial index is of use only where the database can see that it fits.
_MAY_EXPIRE = text("documents.state NOT IN ('deleted', 'expired', 'receiving')")
_COUNTED = (documents.c.owner_id, documents.c.size, documents.c.state)
# What each upload does is built once: to build it anew costs as much as to execute it.
_ADD = Prepared(insert(documents))
_HELD_IN = Prepared(
    select(documents.c.owner_id, documents.c.size)
    .where(documents.c.id == bindparam("document"), documents.c.state == bindparam("state_now"))
    .with_for_update()
)
_GROW = Prepared(
    update(documents)
    .where(documents.c.id == bindparam("document"))
    .values(updated_at=bindparam("at"), size=bindparam("whole"))
)


class SqlDocuments(SqlSegments):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.woken: list[str] = []

    def add(self, document: Document) -> Usage:
        verdict = document.verdict
        _ADD.run(self._connection, values_of(document))
        if verdict is not None:
            self.add_verdict(document.id, verdict)
        for rendition in document.renditions:
            self.add_rendition(document.id, rendition)
        kept, told = counts(document.state), document.state is not State.RECEIVING
        usage, number = count(
            self._connection,
            document.owner_id,
            document.size if kept else 0,
            int(kept),
            int(told),
        )
        if told:
            outbox.add_event(self._connection, number, document, document.updated_at)
        return usage

    def get(self, owner_id: str, document_id: str) -> Document | None:
        return self._one(document_id, documents.c.owner_id == owner_id)

    def find(self, document_id: str) -> Document | None:
        return self._one(document_id)

    def named(self, document_ids: Collection[str]) -> Sequence[Document]:
        known = [document_id for document_id in document_ids if storable(document_id)]
        return self._whole(select(documents).where(documents.c.id.in_(known)))

    def page(
        self, owner_id: str, chosen: DocumentFilter, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Document]:
        condition = conditions_of(chosen)
        if condition is None:
            return []
        statement = select(documents).where(documents.c.owner_id == owner_id, *condition)
        return self._whole(newest_first(statement, documents.c, limit, before))

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
            changes["name_folded"] = folded(changes["name"])
        before = None
        withdrawn = next_state is State.QUARANTINED and State.CLEAN in expected
        if "size" in changes or not counts(next_state) or withdrawn:
            before = self._held(document_id, expected)
        row = self._connection.execute(
            update(documents)
            .where(documents.c.id == document_id)
            .where(documents.c.state.in_([state.value for state in expected]))
            .values(state=next_state.value, updated_at=at, **changes)
            .returning(*documents.c)
        ).one_or_none()
        if row is None:
            return False
        if before is not None:
            self._recount(before, next_state, changes.get("size", before.size))
        self._tell(row, None if before is None else State(before.state), at)
        return True

    def change(
        self,
        document_id: str,
        state: State,
        changes: Mapping[str, Any],
        told_at: datetime | None = None,
    ) -> bool:
        values = dict(changes)
        if "name" in values:
            values["name_folded"] = folded(values["name"])
        changed = self._connection.execute(
            update(documents)
            .where(documents.c.id == document_id, documents.c.state == state.value)
            .values(**values)
            .returning(*documents.c)
        ).one_or_none()
        # What is still on its way in is not told of before it is there.
        if changed is not None and told_at is not None and state is not State.RECEIVING:
            document = document_of(changed, self._pictures([document_id])[document_id])
            outbox.tell_again(self._connection, document, told_at)
        return changed is not None

    def overdue(self, now: datetime, limit: int) -> Sequence[Document]:
        return self._whole(
            select(documents)
            .where(documents.c.expires_at <= now, _MAY_EXPIRE)
            .order_by(documents.c.expires_at)
            .limit(limit)
        )

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
        return sorted((rendition_of(row) for row in rows), key=lambda rendition: rendition.name)

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

    def grow(self, document_id: str, size: int, at: datetime) -> Usage | None:
        known = {"document": document_id, "state_now": State.RECEIVING.value}
        rows = _HELD_IN.run(self._connection, known)
        if not rows:
            return None
        [(owner_id, before)] = rows
        whole = max(size, before)
        _GROW.run(self._connection, {"document": document_id, "at": at, "whole": whole})
        return tally(self._connection, owner_id, whole - before, 0)

    def remove(self, document_id: str) -> None:
        removed = self._connection.execute(
            delete(documents).where(documents.c.id == document_id).returning(*_COUNTED)
        ).one_or_none()
        if removed is not None and counts(State(removed.state)):
            tally(self._connection, removed.owner_id, -removed.size, -1)

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

    def _held(self, document_id: str, expected: Collection[State]) -> Row[str, int, str] | None:
        """What a document counts for, in one of these states, kept from others until the commit."""
        return self._connection.execute(
            select(*_COUNTED)
            .where(documents.c.id == document_id)
            .where(documents.c.state.in_([state.value for state in expected]))
            .with_for_update()
        ).one_or_none()

    def _recount(self, before: Row[str, int, str], next_state: State, size: int) -> None:
        """Count a document that was moved, and perhaps got another size on the way."""
        was, now = counts(State(before.state)), counts(next_state)
        more = (size if now else 0) - (before.size if was else 0)
        if more or was is not now:
            # Whoever waits for a dead upload is woken by the number, though nothing is told of it.
            woken = int(_is_dead(before.state, next_state))
            count(self._connection, before.owner_id, more, int(now) - int(was), woken)

    def _tell(self, row: Row[Any], was: State | None, at: datetime) -> None:
        """Write the move down for others to hear of, unless it only clears a dead upload away."""
        if was is not None and _is_dead(was, State(row.state)):
            return
        document = document_of(row, self._pictures([row.id])[row.id])
        self.woken += outbox.tell(self._connection, document, was, at)

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
        pictures = self._pictures([row.id for row in rows])
        return [document_of(row, pictures[row.id]) for row in rows]

    def _pictures(self, document_ids: Sequence[str]) -> dict[str, list[Rendition]]:
        found: dict[str, list[Rendition]] = defaultdict(list)
        for row in self._connection.execute(
            select(renditions)
            .where(renditions.c.document_id.in_(document_ids))
            .order_by(func.length(renditions.c.name), renditions.c.name)  # page-2 before page-10
        ):
            found[row.document_id].append(rendition_of(row))
        return found


def _is_dead(was: str, state: State) -> bool:
    """Whether this move only clears a dead upload away."""
    return was == State.RECEIVING.value and state is State.EXPIRED
