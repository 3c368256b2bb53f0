"""Answers that may be asked for again, in the database: so any process can give them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from uploads.records.answering import Answer, Asked, Earlier
from uploads.records.prepared import Prepared
from uploads.records.tables import answers

# Built once: whoever sends a key with each request, as clients do that try again, runs two of them
# each time, and to build one anew costs many times what it costs to execute it.
_KEY = (answers.c.caller, answers.c.route, answers.c.key)
_KEPT = ("fingerprint", "status", "content_type", "body", "location")
_IT: ColumnElement[bool] = and_(*(column == bindparam(f"of_{column.name}") for column in _KEY))
_UNDER_WAY = answers.c.status.is_(None)
_BEGUN = answers.c.begun_at == bindparam("begun")
_INSERTS = (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
_BEGIN = {
    dialect: Prepared(
        insert(answers).on_conflict_do_nothing(index_elements=_KEY).returning(answers.c.key)
    )
    for dialect, insert in _INSERTS
}
_TAKE_OVER = Prepared(
    update(answers)
    .where(_IT, _UNDER_WAY, answers.c.begun_at < bindparam("abandoned_before"))
    .values(begun_at=bindparam("now"), fingerprint=bindparam("new_fingerprint"))
    .returning(answers.c.key)
)
_RENEW = Prepared(
    update(answers)
    .where(_IT, _BEGUN, _UNDER_WAY)
    .values(begun_at=bindparam("now"))
    .returning(answers.c.key)
)
_KEEP = Prepared(
    update(answers)
    .where(_IT, _BEGUN, _UNDER_WAY)
    .values({name: bindparam(f"new_{name}") for name in _KEPT})
    .returning(answers.c.key)
)
_ENTER = {
    dialect: Prepared(
        (new := insert(answers))
        .on_conflict_do_update(
            index_elements=_KEY,
            set_={name: new.excluded[name] for name in _KEPT},
            where=and_(answers.c.begun_at == new.excluded.begun_at, _UNDER_WAY),
        )
        .returning(answers.c.key)
    )
    for dialect, insert in _INSERTS
}
_FIND = Prepared(select(*(answers.c[name] for name in _KEPT)).where(_IT))
_FORGET = Prepared(delete(answers).where(_IT, _BEGUN, _UNDER_WAY))
_WITHDRAW = Prepared(delete(answers).where(_IT, _BEGUN))


class SqlAnswers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, asked: Asked, at: datetime, abandoned_before: datetime) -> Earlier | None:
        while True:
            if self._insert(asked, at) or self._take_over(asked, at, abandoned_before):
                return None
            # Where it is gone again, somebody has let it go since we ran into it.
            if (earlier := self.find(asked)) is not None:
                return earlier

    def find(self, asked: Asked) -> Earlier | None:
        rows = _FIND.run(self._connection, _of(asked))
        return _earlier(*rows[0]) if rows else None

    def renew(self, asked: Asked, at: datetime, now: datetime) -> bool:
        return bool(_RENEW.run(self._connection, {**_of(asked), "begun": at, "now": now}))

    def keep(self, asked: Asked, at: datetime, answer: Answer) -> bool:
        kept = {"fingerprint": asked.fingerprint, **answer._asdict()}
        new = {f"new_{name}": value for name, value in kept.items()}
        return bool(_KEEP.run(self._connection, {**_of(asked), "begun": at, **new}))

    def enter(self, asked: Asked, at: datetime, answer: Answer) -> bool:
        made = {**asked._asdict(), "begun_at": at, **answer._asdict()}
        return bool(_ENTER[self._connection.dialect.name].run(self._connection, made))

    def forget(self, asked: Asked, at: datetime) -> None:
        _FORGET.run(self._connection, {**_of(asked), "begun": at})

    def withdraw(self, asked: Asked, at: datetime) -> None:
        _WITHDRAW.run(self._connection, {**_of(asked), "begun": at})

    def remove_before(self, at: datetime) -> int:
        return self._connection.execute(delete(answers).where(answers.c.begun_at < at)).rowcount

    def _insert(self, asked: Asked, at: datetime) -> bool:
        begun = {**asked._asdict(), "begun_at": at}
        return bool(_BEGIN[self._connection.dialect.name].run(self._connection, begun))

    def _take_over(self, asked: Asked, at: datetime, abandoned_before: datetime) -> bool:
        """One statement, so that of two that find it abandoned only one goes ahead."""
        new = {"now": at, "new_fingerprint": asked.fingerprint}
        known = {**_of(asked), "abandoned_before": abandoned_before}
        return bool(_TAKE_OVER.run(self._connection, {**known, **new}))


def _of(asked: Asked) -> dict[str, Any]:
    return {"of_caller": asked.caller, "of_route": asked.route, "of_key": asked.key}


def _earlier(
    fingerprint: str, status: int | None, content_type: str, body: str, location: str | None
) -> Earlier:
    answer = None if status is None else Answer(status, content_type, body, location)
    return Earlier(fingerprint, answer)
