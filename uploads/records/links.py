"""Links in the database: counted by compare-and-set, whatever else happens at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from uploads.documents.links import Disposition, Link
from uploads.records.link_tables import link_documents, link_uses, links
from uploads.records.statements import newest_first, storable
from uploads.records.tables import users


class SqlLinks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, link: Link) -> None:
        self._connection.execute(
            insert(links).values(
                id=link.id,
                owner_id=link.owner_id,
                disposition=link.disposition.value,
                created_at=link.created_at,
                expires_at=link.expires_at,
                max_downloads=link.max_downloads,
                password_hash=link.password_hash,
                downloads=link.downloads,
                ended_at=link.ended_at,
            )
        )
        rows = [
            {"link_id": link.id, "position": position, "document_id": document_id}
            for position, document_id in enumerate(link.documents)
        ]
        self._connection.execute(insert(link_documents), rows)

    def living(self, owner_id: str, now: datetime) -> int:
        # Held, so that of two at the same time the second one counts the first.
        owner = select(users.c.id).where(users.c.id == owner_id)
        self._connection.execute(owner.with_for_update(key_share=True))
        counted = select(func.count()).select_from(links).where(*_living(owner_id, now))
        return self._connection.scalar(counted) or 0

    def shared(self, owner_id: str, now: datetime) -> int:
        named = links.join(link_documents, link_documents.c.link_id == links.c.id)
        counted = select(func.count()).select_from(named).where(*_living(owner_id, now))
        return self._connection.scalar(counted) or 0

    def get(self, owner_id: str, link_id: str) -> Link | None:
        return self._one(link_id, links.c.owner_id == owner_id)

    def find(self, link_id: str) -> Link | None:
        found = self._one(link_id)
        if found is None:
            return None
        barred = select(users.c.disabled_at).where(users.c.id == found.owner_id)
        return replace(found, barred_at=self._connection.scalar(barred))

    def page(
        self,
        owner_id: str,
        document_id: str | None,
        limit: int,
        before: tuple[datetime, str] | None,
    ) -> Sequence[Link]:
        statement = select(links).where(links.c.owner_id == owner_id, links.c.ended_at.is_(None))
        if document_id is not None:
            statement = statement.where(links.c.id.in_(_with(document_id)))
        return self._whole(newest_first(statement, links.c, limit, before))

    def use(self, link_id: str, now: datetime, allowance: int) -> int | None:
        counted = self._connection.execute(
            update(links)
            .where(links.c.id == link_id, links.c.ended_at.is_(None))
            .where(or_(links.c.expires_at.is_(None), links.c.expires_at > now))
            .where(or_(links.c.max_downloads.is_(None), links.c.downloads < links.c.max_downloads))
            .values(downloads=links.c.downloads + 1)
            .returning(links.c.downloads, links.c.max_downloads)
        ).one_or_none()
        if counted is None:
            return None
        if counted.max_downloads is not None:
            self._connection.execute(
                insert(link_uses).values(
                    link_id=link_id, number=counted.downloads, bytes_left=allowance
                )
            )
        return int(counted.downloads)

    def spend(self, link_id: str, number: int, amount: int) -> bool:
        spent = self._connection.execute(
            update(link_uses)
            .where(link_uses.c.link_id == link_id, link_uses.c.number == number)
            .where(link_uses.c.bytes_left >= amount)
            .values(bytes_left=link_uses.c.bytes_left - amount)
        )
        return spent.rowcount == 1

    def left(self, link_id: str, number: int) -> int:
        mine = link_uses.c.link_id == link_id, link_uses.c.number == number
        return int(self._connection.scalar(select(link_uses.c.bytes_left).where(*mine)) or 0)

    def give_back(self, link_id: str, number: int, amount: int) -> None:
        self._connection.execute(
            update(link_uses)
            .where(link_uses.c.link_id == link_id, link_uses.c.number == number)
            .values(bytes_left=link_uses.c.bytes_left + amount)
        )

    def end(self, link_id: str, at: datetime) -> bool:
        ended = self._connection.execute(
            update(links)
            .where(links.c.id == link_id, links.c.ended_at.is_(None))
            .values(ended_at=at)
        )
        return ended.rowcount == 1

    def end_of(self, document_id: str, at: datetime) -> None:
        self._connection.execute(
            update(links)
            .where(links.c.id.in_(_with(document_id)), links.c.ended_at.is_(None))
            .values(ended_at=at)
        )

    def remove_ended(self, before: datetime) -> int:
        return self._connection.execute(
            delete(links).where(or_(links.c.ended_at < before, links.c.expires_at < before))
        ).rowcount

    def _one(self, link_id: str, *conditions: ColumnElement[bool]) -> Link | None:
        if not storable(link_id):
            return None
        found = self._whole(select(links).where(links.c.id == link_id, *conditions))
        return found[0] if found else None

    def _whole(self, statement: Select[Any]) -> list[Link]:
        """Two queries for any number of links: their rows, and all that they name."""
        rows = self._connection.execute(statement).all()
        if not rows:
            return []
        named: dict[str, list[str]] = defaultdict(list)
        for row in self._connection.execute(
            select(link_documents)
            .where(link_documents.c.link_id.in_([row.id for row in rows]))
            .order_by(link_documents.c.position)
        ):
            named[row.link_id].append(row.document_id)
        return [_link(row, named[row.id]) for row in rows]


def _living(owner_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    lasts = or_(links.c.expires_at.is_(None), links.c.expires_at > now)
    return links.c.owner_id == owner_id, links.c.ended_at.is_(None), lasts


def _with(document_id: str) -> Select[Any]:
    """Ids of the links that a document is in."""
    if not storable(document_id):
        document_id = ""
    return select(link_documents.c.link_id).where(link_documents.c.document_id == document_id)


def _link(row: Row[Any], documents: Sequence[str]) -> Link:
    values = {**row._mapping, "documents": tuple(documents)}
    values["disposition"] = Disposition(values["disposition"])
    return Link(**values)
