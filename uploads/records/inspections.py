"""Canaries, and what clean documents were inspected with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, Row, delete, exists, func, select, text, update

from uploads.documents.canaries import Canary
from uploads.documents.model import JobState, State
from uploads.records.canary_tables import canaries
from uploads.records.statements import upsert
from uploads.records.tables import documents, jobs, verdicts

# As a literal, or neither database would know that the index on clean documents will do.
_CLEAN = text("documents.state = 'clean'")
# More sets than this at once cannot be of any use: the others have their turn afterwards.
_MOST_SETS = 32


class SqlInspections:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def canary(self, engine: str, place: str, *, change: bool = False) -> Canary | None:
        row = self._connection.execute(
            select(canaries)
            .where(canaries.c.engine == engine, canaries.c.place == place)
            .with_for_update(read=not change)
        ).one_or_none()
        return None if row is None else Canary(**row._mapping)

    def put_canary(self, canary: Canary) -> None:
        values = asdict(canary)
        statement = upsert(self._connection, canaries).values(**values)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[canaries.c.engine, canaries.c.place], set_=values
            )
        )

    def canaries(self, since: datetime) -> Sequence[Canary]:
        rows = self._connection.execute(
            select(canaries)
            .where(canaries.c.tried_at >= since)
            .order_by(canaries.c.engine, canaries.c.place)
        )
        return [Canary(**row._mapping) for row in rows]

    def everywhere(self, engine: str) -> Sequence[Canary]:
        rows = self._connection.execute(
            select(canaries)
            .where(canaries.c.engine == engine)
            .order_by(canaries.c.place)
            .with_for_update(read=True)
        )
        return [Canary(**row._mapping) for row in rows]

    def unwithdrawn(self) -> Sequence[Canary]:
        rows = self._connection.execute(
            select(canaries).where(canaries.c.withdraw_from.is_not(None))
        )
        return [Canary(**row._mapping) for row in rows]

    def forget_canaries(self, before: datetime) -> None:
        self._connection.execute(
            delete(canaries).where(canaries.c.tried_at < before, canaries.c.withdraw_from.is_(None))
        )

    def mark(self, document_id: str, engines: str, risk: int) -> bool:
        marked = self._connection.execute(
            update(documents)
            .where(documents.c.id == document_id, documents.c.state == State.CLEAN.value)
            .values(engines=engines, risk=risk)
        )
        return marked.rowcount == 1

    def outdated(self, engines: str, limit: int) -> Sequence[str]:
        """Asked for each other set by itself: so each question is a few steps in the index."""
        busy = exists().where(
            jobs.c.document_id == documents.c.id, jobs.c.state == JobState.DUE.value
        )
        found: list[Row[int, datetime, str]] = []
        for other in self._sets():
            if other == engines:
                continue
            found += self._connection.execute(
                select(documents.c.risk, documents.c.created_at, documents.c.id)
                .where(_CLEAN, documents.c.engines == other, ~busy)
                .order_by(documents.c.risk.desc(), documents.c.created_at.desc())
                .limit(limit)
            ).all()
        found.sort(key=lambda row: (row.risk, row.created_at), reverse=True)
        return [row.id for row in found[:limit]]

    def _sets(self) -> Sequence[str]:
        """The different sets that clean documents were inspected with, from one to the next."""
        sets: list[str] = []
        newest = select(func.min(documents.c.engines)).where(_CLEAN)
        found = self._connection.scalar(newest)
        while found is not None and len(sets) < _MOST_SETS:
            sets.append(found)
            found = self._connection.scalar(newest.where(documents.c.engines > found))
        return sets

    def passed(self, since: datetime, until: datetime, limit: int) -> Sequence[str]:
        return self._connection.scalars(
            select(documents.c.id)
            .where(documents.c.state == State.CLEAN.value)
            .where(documents.c.updated_at.between(since, until))
            .order_by(documents.c.updated_at)
            .limit(limit)
        ).all()

    def distrust(self, since: datetime) -> int:
        lately = select(verdicts.c.document_id).where(verdicts.c.inspected_at >= since)
        return self._connection.execute(
            update(documents).where(_CLEAN, documents.c.id.in_(lately)).values(engines="")
        ).rowcount
