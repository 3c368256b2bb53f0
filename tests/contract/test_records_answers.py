"""The contract of `Answers`, on both databases: begun once, told again, forgotten in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest

from tests.support.facts import NOW, after
from uploads.records.answering import Answer, Asked, Earlier
from uploads.records.answers import SqlAnswers
from uploads.records.sql import SqlRecords

ASKED = Asked("usr_1/session", "api.create_upload", "a key", "f1")
ANSWER = Answer(201, "application/json", '{"id": "é"}', "/here")
AT_ONCE = 20


def begin(
    records: SqlRecords, asked: Asked = ASKED, at: datetime = NOW, abandoned: datetime = NOW
) -> Earlier | None:
    return records.write_one(lambda work: work.answers.begin(asked, at, abandoned))


def keep(records: SqlRecords, at: datetime = NOW, answer: Answer = ANSWER) -> bool:
    return records.write_one(lambda work: work.answers.keep(ASKED, at, answer))


def test_a_request_is_begun_once_and_then_told_its_answer(owned: SqlRecords) -> None:
    assert begin(owned) is None
    assert begin(owned, at=after(1)) == Earlier("f1", None)
    keep(owned)
    other = ASKED._replace(fingerprint="f2")
    assert begin(owned, other, after(2), after(2)) == Earlier("f1", ANSWER)


def test_keys_are_each_callers_and_each_routes_own(owned: SqlRecords) -> None:
    begin(owned)
    for other in ({"caller": "usr_2/session"}, {"route": "api.other"}, {"key": "another"}):
        assert begin(owned, ASKED._replace(**other)) is None


def test_of_many_at_once_one_begins(owned: SqlRecords) -> None:
    start = Barrier(AT_ONCE)

    def race(_: int) -> bool:
        start.wait(timeout=60)
        return begin(owned) is None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(race, range(AT_ONCE))) == 1


def test_what_died_without_an_answer_is_begun_anew_by_one(owned: SqlRecords) -> None:
    begin(owned)
    start = Barrier(AT_ONCE)

    def race(number: int) -> bool:
        start.wait(timeout=60)
        return begin(owned, at=after(100 + number), abandoned=after(60)) is None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(race, range(AT_ONCE))) == 1
    keep(owned)
    assert begin(owned, at=after(200)) == Earlier("f1", None), "the dead one's answer is late"


def test_what_is_forgotten_can_be_begun_anew(owned: SqlRecords) -> None:
    begin(owned)
    owned.write(lambda work: work.answers.forget(ASKED, after(1)))
    assert begin(owned) is not None
    owned.write(lambda work: work.answers.forget(ASKED, NOW))
    assert begin(owned) is None
    keep(owned)
    owned.write(lambda work: work.answers.forget(ASKED, NOW))
    assert begin(owned) == Earlier("f1", ANSWER), "an answer that was kept stays"


def test_what_says_that_it_is_alive_is_not_abandoned(owned: SqlRecords) -> None:
    begin(owned)
    assert owned.write(lambda work: work.answers.renew(ASKED, NOW, after(100)))
    assert begin(owned, at=after(101), abandoned=after(60)) == Earlier("f1", None)
    assert not owned.write(lambda work: work.answers.renew(ASKED, NOW, after(102)))
    assert not keep(owned), "it is another beginning by now"
    assert keep(owned, at=after(100))
    assert not owned.write(lambda work: work.answers.renew(ASKED, after(100), after(103)))


def test_a_fingerprint_may_be_known_as_late_as_the_answer(owned: SqlRecords) -> None:
    early = ASKED._replace(fingerprint="")
    begin(owned, early)
    assert begin(owned, early) == Earlier("", None)
    assert keep(owned)
    assert begin(owned, early) == Earlier("f1", ANSWER)


def test_an_answer_goes_with_what_it_tells_of(owned: SqlRecords) -> None:
    begin(owned)
    keep(owned)
    owned.write(lambda work: work.answers.withdraw(ASKED, after(1)))
    assert begin(owned) == Earlier("f1", ANSWER), "somebody else's beginning"
    owned.write(lambda work: work.answers.withdraw(ASKED, NOW))
    assert begin(owned) is None


def test_what_is_let_go_while_somebody_runs_into_it_is_his(
    owned: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL shows the row to the one statement and not to the next."""
    begin(owned)

    def gone_meanwhile(answers: SqlAnswers, asked: Asked, *_: datetime) -> bool:
        monkeypatch.undo()
        answers.forget(asked, NOW)
        return False

    monkeypatch.setattr(SqlAnswers, "_take_over", gone_meanwhile)
    assert begin(owned, at=after(1)) is None
    assert begin(owned, at=after(2)) == Earlier("f1", None)


def enter(records: SqlRecords, at: datetime = NOW) -> bool:
    return records.write(lambda work: work.answers.enter(ASKED, at, ANSWER))


def test_an_answer_can_be_entered_without_a_beginning(owned: SqlRecords) -> None:
    assert owned.read(lambda work: work.answers.find(ASKED)) is None
    assert enter(owned)
    assert owned.read(lambda work: work.answers.find(ASKED)) == Earlier("f1", ANSWER)
    assert begin(owned, at=after(1), abandoned=after(1)) == Earlier("f1", ANSWER)
    assert not enter(owned, after(1))
    assert not enter(owned), "an answer that was kept stays"


def test_an_answer_is_entered_for_ones_own_beginning_alone(owned: SqlRecords) -> None:
    begin(owned)
    assert owned.read(lambda work: work.answers.find(ASKED)) == Earlier("f1", None)
    assert not enter(owned, after(1))
    assert owned.read(lambda work: work.answers.find(ASKED)) == Earlier("f1", None)
    assert enter(owned)
    assert owned.read(lambda work: work.answers.find(ASKED)) == Earlier("f1", ANSWER)


def test_of_many_at_once_one_enters(owned: SqlRecords) -> None:
    start = Barrier(AT_ONCE)

    def race(number: int) -> bool:
        start.wait(timeout=60)
        return enter(owned, after(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(race, range(AT_ONCE))) == 1


def test_old_answers_go(owned: SqlRecords) -> None:
    begin(owned)
    keep(owned)
    assert owned.write(lambda work: work.answers.remove_before(NOW)) == 0
    assert owned.write(lambda work: work.answers.remove_before(after(1))) == 1
    assert begin(owned) is None
