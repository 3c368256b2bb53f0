"""What is done under an Idempotency-Key, on both databases: it and its answer, or neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Response
from sqlalchemy import func, select

from tests.support.desk import Desk, replayed
from uploads import claims, faults
from uploads.documents.errors import RecordsUnavailable, StillRunning
from uploads.documents.model import AuditEntry
from uploads.documents.receipts import Keep
from uploads.faults import FaultInjected
from uploads.idempotency import Once, idempotent, without
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords, SqlWork
from uploads.records.tables import audit

DEAD = claims.ABANDONED + timedelta(seconds=1)
ALMOST = claims.ABANDONED - timedelta(seconds=1)


class Calls:
    """A keyed route that makes an audit entry, in miniature."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self.meanwhile: Callable[[], object] = lambda: None
        self.keeps = True
        actor = replace(desk.line.actor, via="key")
        monkeypatch.setattr("uploads.idempotency.current_actor", lambda: actor)
        monkeypatch.setattr("uploads.security.csrf.current_actor", lambda: actor)

    def send(self, key: str = "one") -> Response:
        @idempotent(veil=without("secret"))
        def view() -> Once[int]:
            return Once(self._act, _render)

        headers = {"Idempotency-Key": key}
        with self.desk.app.test_request_context("/x", method="POST", headers=headers, data=b"a"):
            answer: Response = view()
            return answer

    @property
    def done(self) -> int:
        return self.desk.line.records.read(_made)

    def _act(self, keep: Keep[int]) -> int:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

        def unit(work: Work) -> int:
            number = _made(work) + 1
            work.audit.append(AuditEntry(self.desk.line.now, "tests", "made", str(number)))
            if self.keeps:
                keep(work, number)
            return number

        return self.desk.line.records.write(unit)


def _made(work: Work) -> int:
    assert isinstance(work, SqlWork)
    made = select(func.count()).select_from(audit).where(audit.c.action == "made")
    return work.connection.scalar(made) or 0


def _render(number: int) -> Response:
    return Response(f'{{"number": {number}, "secret": "s"}}', 201, content_type="application/json")


@pytest.fixture
def calls(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(desk, monkeypatch)


def test_who_dies_between_commit_and_answer_has_left_the_answer(calls: Calls) -> None:
    faults.arm("k1:fail")
    with pytest.raises(FaultInjected):
        calls.send()
    faults.arm(None)
    again = calls.send()
    assert (replayed(again), again.status_code) == (True, 201)
    assert again.get_json() == {"number": 1, "secret": None}
    assert calls.done == 1


def test_what_was_committed_unheard_of_is_not_done_again(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = calls.desk.line.records.write

    def write(unit: Callable[[Work], object]) -> object:
        honest(unit)
        monkeypatch.undo()
        raise RecordsUnavailable("staged")

    calls.meanwhile = lambda: monkeypatch.setattr(calls.desk.line.records, "write", write)
    with pytest.raises(RecordsUnavailable):
        calls.send()
    assert calls.done == 1


def test_one_that_passed_for_dead_does_nothing(calls: Calls) -> None:
    answers: list[Response] = []

    def sleep() -> None:
        calls.desk.line.later(seconds=DEAD.total_seconds())
        answers.append(calls.send())

    calls.meanwhile = sleep
    with pytest.raises(StillRunning):
        calls.send()
    assert calls.done == 1
    assert calls.send().get_json()["number"] == answers[0].get_json()["number"] == 1


def test_while_one_is_at_work_nobody_else_begins(calls: Calls) -> None:
    """For however long, by its claim being renewed."""

    def work_on() -> None:
        for _ in range(3):
            calls.desk.line.later(seconds=ALMOST.total_seconds())
            with pytest.raises(StillRunning):
                calls.send()
            for thread in claims.renewals.renew_all():
                thread.join(60)

    calls.meanwhile = work_on
    assert not replayed(calls.send())
    assert replayed(calls.send())
    assert calls.done == 1


def test_a_claim_that_may_have_been_renewed_is_its_own_all_the_same(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database committed the renewal, and said so to nobody."""
    records = calls.desk.line.records
    honest = SqlRecords.write

    def write(unit: Callable[[Work], object]) -> object:
        honest(records, unit)
        raise RecordsUnavailable("staged")

    def renew_unheard() -> None:
        calls.desk.line.later(seconds=20)
        with monkeypatch.context() as staged:
            staged.setattr(records, "write", write)
            for thread in claims.renewals.renew_all():
                thread.join(60)

    calls.meanwhile = renew_unheard
    assert calls.send().status_code == 201
    assert replayed(calls.send())


def test_what_is_over_is_not_renewed(calls: Calls) -> None:
    calls.send()
    assert claims.renewals.renew_all() == []


def test_an_answer_that_is_not_kept_with_its_work_is_a_mistake(calls: Calls) -> None:
    calls.keeps = False
    with pytest.raises(AssertionError, match="without its answer"):
        calls.send()
