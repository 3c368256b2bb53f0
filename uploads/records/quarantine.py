"""The quarantine desk's view of the records: files of all owners, and requests to release them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    or_,
    select,
)

from uploads.documents.model import Document, JobKind, JobState, Role, State, Verdict
from uploads.documents.releases import Case, Release, place_of
from uploads.records import verdicts
from uploads.records.documents import SqlDocuments
from uploads.records.filters import named_like
from uploads.records.quarantine_table import releases
from uploads.records.quarantining import DeskFilter
from uploads.records.statements import Before, newest_first, storable, upsert
from uploads.records.tables import documents, jobs, leftovers, users
from uploads.records.tables import verdicts as verdict_rows
from uploads.storage.protocol import Bucket

_KEPT = or_(documents.c.quarantine_key.is_not(None), documents.c.clean_key.is_not(None))


class SqlQuarantine:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, chosen: DeskFilter, limit: int, before: Before) -> Sequence[Case]:
        conditions = _conditions(chosen)
        if conditions is None:
            return []
        statement = select(documents.c.id, documents.c.created_at).where(*conditions)
        rows = self._connection.execute(newest_first(statement, documents.c, limit, before))
        return self._cases([row.id for row in rows])

    def find(self, document_id: str) -> Case | None:
        return next(iter(self._cases([document_id])), None)

    def hold(self, document_id: str) -> None:
        if storable(document_id):
            self._connection.execute(
                select(documents.c.id).where(documents.c.id == document_id).with_for_update()
            ).all()

    def verdicts(self, document_id: str) -> Sequence[Verdict]:
        rows = self._connection.scalars(
            select(verdict_rows.c.verdict)
            .where(verdict_rows.c.document_id == document_id)
            .order_by(verdict_rows.c.id.desc())
        )
        return [verdicts.from_json(kept) for kept in rows]

    def keep(self, release: Release) -> None:
        values = asdict(release)
        self._connection.execute(
            upsert(self._connection, releases)
            .values(**values)
            .on_conflict_do_update(index_elements=[releases.c.document_id], set_=values)
        )

    def release_of(self, document_id: str) -> Release | None:
        return self._releases([document_id]).get(document_id)

    def forget(self, document_id: str) -> None:
        self._connection.execute(delete(releases).where(releases.c.document_id == document_id))

    def _cases(self, document_ids: Sequence[str]) -> list[Case]:
        """A handful of queries for any number of documents, in the order of their ids."""
        if not document_ids:
            return []
        found = {one.id: one for one in SqlDocuments(self._connection).named(document_ids)}
        asked, under_way = self._releases(list(found)), self._under_way(list(found))
        due = self._due([place for one in found.values() if (place := place_of(one))])
        people = self._people([*found.values()], [*asked.values()])
        cases = []
        for document in (found[one] for one in document_ids if one in found):
            release = asked.get(document.id)
            cases.append(
                Case(
                    document,
                    due.get(place_of(document) or (Bucket.QUARANTINE, "")),
                    release,
                    {user_id: email for user_id, (email, _) in people.items()},
                    release is not None and people[release.asked_by][1],
                    document.id in under_way,
                )
            )
        return cases

    def _releases(self, document_ids: Sequence[str]) -> dict[str, Release]:
        known = [one for one in document_ids if storable(one)]
        rows = self._connection.execute(select(releases).where(releases.c.document_id.in_(known)))
        return {row.document_id: Release(**row._mapping) for row in rows}

    def _under_way(self, document_ids: Sequence[str]) -> set[str]:
        return set(
            self._connection.scalars(
                select(jobs.c.document_id)
                .where(jobs.c.document_id.in_(document_ids), jobs.c.state == JobState.DUE.value)
                .where(jobs.c.kind == JobKind.RELEASE.value)
            )
        )

    def _due(self, places: Sequence[tuple[Bucket, str]]) -> dict[tuple[Bucket, str], datetime]:
        rows = self._connection.execute(
            select(leftovers).where(
                leftovers.c.key.in_([key for _, key in places]), leftovers.c.doomed.is_(False)
            )
        )
        return {(Bucket(row.bucket), row.key): row.due_at for row in rows}

    def _people(
        self, found: Sequence[Document], asked: Sequence[Release]
    ) -> dict[str, tuple[str, bool]]:
        """Address of each user, and whether he is an administrator who can come in."""
        ids = {one.owner_id for one in found} | {one.asked_by for one in asked}
        ids |= {one.confirmed_by for one in asked if one.confirmed_by is not None}
        rows = self._connection.execute(select(users).where(users.c.id.in_(sorted(ids))))
        return {
            row.id: (row.email, row.role == Role.ADMIN.value and row.disabled_at is None)
            for row in rows
        }


def _conditions(chosen: DeskFilter) -> list[ColumnElement[bool]] | None:
    """The conditions of a filter, or None where no row can meet them."""
    names = [state.value for state in sorted(chosen.states)]
    kept = or_(documents.c.state != State.FAILED.value, _KEPT)
    found: list[ColumnElement[bool]] = [documents.c.state.in_(names), kept]
    if chosen.owner is not None:
        if not storable(chosen.owner):
            return None
        owner = or_(users.c.id == chosen.owner, users.c.email == chosen.owner.strip().lower())
        found.append(documents.c.owner_id.in_(select(users.c.id).where(owner)))
    if chosen.text:
        named = named_like(chosen.text)
        if named is None:
            return None
        found.append(or_(named, documents.c.sha256 == chosen.text.strip().lower()))
    return found
