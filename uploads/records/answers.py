"""Answers that may be asked for again, in the database: so any process can give them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from uploads.records.answering import Answer, Asked, Earlier
from uploads.records.statements import upsert
from uploads.records.tables import answers


class SqlAnswers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, asked: Asked, at: datetime, abandoned_before: datetime) -> Earlier | None:
        while True:
            if self._insert(asked, at) or self._take_over(asked, at, abandoned_before):
                return None
            row = self._connection.execute(select(answers).where(_is(asked))).one_or_none()
            # Where it is gone again, somebody has let it go since we ran into it.
            if row is not None:
                return _earlier(row)

    def renew(self, asked: Asked, at: datetime, now: datetime) -> bool:
        return self._change(asked, at, begun_at=now)

    def keep(self, asked: Asked, at: datetime, answer: Answer) -> bool:
        return self._change(
            asked,
            at,
            fingerprint=asked.fingerprint,
            status=answer.status,
            content_type=answer.content_type,
            body=answer.body,
            location=answer.location,
        )

    def forget(self, asked: Asked, at: datetime) -> None:
        self._connection.execute(
            delete(answers).where(_is(asked), answers.c.begun_at == at, answers.c.status.is_(None))
        )

    def withdraw(self, asked: Asked, at: datetime) -> None:
        self._connection.execute(delete(answers).where(_is(asked), answers.c.begun_at == at))

    def remove_before(self, at: datetime) -> int:
        return self._connection.execute(delete(answers).where(answers.c.begun_at < at)).rowcount

    def _insert(self, asked: Asked, at: datetime) -> bool:
        begun = self._connection.execute(
            upsert(self._connection, answers)
            .values(
                caller=asked.caller,
                route=asked.route,
                key=asked.key,
                fingerprint=asked.fingerprint,
                begun_at=at,
            )
            .on_conflict_do_nothing(
                index_elements=[answers.c.caller, answers.c.route, answers.c.key]
            )
            .returning(answers.c.key)
        )
        return begun.first() is not None

    def _change(self, asked: Asked, at: datetime, **values: Any) -> bool:
        """Change what is under way, if this beginning is still the one that counts."""
        changed = self._connection.execute(
            update(answers)
            .where(_is(asked), answers.c.begun_at == at, answers.c.status.is_(None))
            .values(**values)
        )
        return changed.rowcount == 1

    def _take_over(self, asked: Asked, at: datetime, abandoned_before: datetime) -> bool:
        """One statement, so that of two that find it abandoned only one goes ahead."""
        taken = self._connection.execute(
            update(answers)
            .where(_is(asked), answers.c.status.is_(None), answers.c.begun_at < abandoned_before)
            .values(begun_at=at, fingerprint=asked.fingerprint)
        )
        return taken.rowcount == 1


def _earlier(row: Row[Any]) -> Earlier:
    if row.status is None:
        return Earlier(row.fingerprint, None)
    answer = Answer(row.status, row.content_type, row.body, row.location)
    return Earlier(row.fingerprint, answer)


def _is(asked: Asked) -> ColumnElement[bool]:
    return and_(
        answers.c.caller == asked.caller,
        answers.c.route == asked.route,
        answers.c.key == asked.key,
    )
