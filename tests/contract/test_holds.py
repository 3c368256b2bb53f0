"""The hold on an Idempotency-Key, on both databases: made late, kept alive, gone with its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from tests.support.desk import DEAD, Desk, replayed
from tests.support.line import TEXT
from tests.support.waiting import eventually
from uploads import faults, holds, receipts
from uploads.documents.errors import QuotaExceeded, RecordsUnavailable, StillRunning
from uploads.holds import Hold
from uploads.records.answering import Answer, Asked, Earlier
from uploads.records.protocol import Work
from uploads.records.tables import answers
from uploads.storage.protocol import Bucket

ASKED = Asked("usr_1/key", "api.upload", "one", "")
ANSWER = Answer(202, "application/json", "{}", "/here")


class Killed(BaseException):
    """The process is gone: nobody tidies up."""


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(("step", "made"), [("s3", 0), ("s4", 0), ("s5", 1)])
def test_whenever_the_process_dies_the_next_try_makes_it_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, made: int, slow: bool
) -> None:
    """Only of one that took longer than a moment it has to be waited until it passes for dead."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(desk.line.intake, "_give_up", killed)
        dying.setattr(receipts._Receipt, "_let_go", killed)
        dying.setattr(holds.watch, "add", lambda _: None)
        faults.arm(f"{step}:fail")
        with pytest.raises(Killed):
            desk.send(via=after_a_moment(desk) if slow else None)
        faults.arm(None)
    assert len(desk.documents) == made
    if slow and not made:
        with pytest.raises(StillRunning):
            desk.send()
        desk.line.later(seconds=DEAD.total_seconds())
    assert replayed(desk.send()) == bool(made)
    assert len(desk.documents) == 1


def after_a_moment(desk: Desk) -> Iterator[bytes]:
    """The file from somebody who takes longer than most."""
    desk.line.later(seconds=1)
    yield TEXT


def test_of_two_in_the_same_moment_one_is_a_document(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing told the second one of the first, which is recorded while the second is stored."""
    put, first = desk.line.storage.put, desk.send
    monkeypatch.setattr(holds.watch, "add", lambda _: None)

    def overtaken(*args: object) -> None:
        put(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(desk.line.storage, "put", put)
        assert not replayed(first())

    monkeypatch.setattr(desk.line.storage, "put", overtaken)
    with pytest.raises(StillRunning) as told:
        desk.send()
    assert told.value.seconds > 0
    assert replayed(desk.send())
    assert len(desk.documents) == 1
    assert desk.line.quotas.of(desk.line.actor.user_id).files_used == 1
    (segment,) = desk.line.records.read(lambda work: work.documents.segments(desk.documents[0].id))
    assert list(desk.line.storage.objects) == [(Bucket.INCOMING, segment.key)]


def test_one_that_finds_no_room_beside_itself_is_under_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not refused for good: it is here, sent by somebody in the same moment."""
    put = desk.line.storage.put
    monkeypatch.setattr(holds.watch, "add", lambda _: None)
    monkeypatch.setattr(desk.line.quotas, "_files_limit", 1)

    def overtaken(*args: object) -> None:
        put(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(desk.line.storage, "put", put)
        desk.send()

    monkeypatch.setattr(desk.line.storage, "put", overtaken)
    with pytest.raises(StillRunning):
        desk.send()
    assert replayed(desk.send())
    with pytest.raises(QuotaExceeded):
        desk.send(key="two")


def hold(desk: Desk) -> Hold:
    return Hold(desk.line.records, ASKED, desk.line.now, DEAD)


def test_a_beginning_whose_commit_was_not_confirmed_is_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = desk.line.records.write

    def unheard(unit: Callable[[Work], object]) -> object:
        write(unit)
        raise RecordsUnavailable("staged")

    for gives_back in (False, True):
        mine = hold(desk)
        with monkeypatch.context() as broken:
            broken.setattr(desk.line.records, "write", unheard)
            with pytest.raises(RecordsUnavailable):
                mine.begin()
        assert begun(desk)
        if gives_back:
            mine.begin()
            write(mine.withdraw)
        else:
            mine.let_go()
        assert not begun(desk)


def test_one_that_lost_its_key_leaves_that_of_the_other(desk: Desk) -> None:
    """Also where both began at the very same time."""
    first, second = hold(desk), hold(desk)
    first.begin()
    with pytest.raises(StillRunning):
        second.begin()
    with pytest.raises(StillRunning):
        desk.line.records.write(lambda work: second.enter(work, "f", ANSWER))
    desk.line.records.write(second.withdraw)
    second.let_go()
    assert begun(desk)
    desk.line.records.write(lambda work: first.enter(work, "f", ANSWER))
    found = desk.line.records.read(lambda work: work.answers.find(ASKED))
    assert found == Earlier("f", ANSWER)


def test_whoever_looks_on_goes_on_whatever_one_raises(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = hold(desk)
    monkeypatch.setattr(broken, "begin", lambda: 1 / 0)
    broken.begin_unless_over()
    watching, fine = holds._Watch(), hold(desk)
    for one in (broken, fine):
        watching.add(one)
    eventually(lambda: begun(desk), 30)
    fine.let_go()


def test_one_that_takes_long_has_its_key_begun_by_who_looks_on(desk: Desk) -> None:
    """It waits for a client or for a store, and cannot do it itself."""

    def waits() -> Iterator[bytes]:
        eventually(lambda: begun(desk), 30)
        with pytest.raises(StillRunning):
            desk.send()
        yield TEXT

    assert not replayed(desk.send(via=waits()))
    assert replayed(desk.send())
    assert len(desk.documents) == 1


def begun(desk: Desk) -> bool:
    """Whether a request is under way, as others see it."""
    running = select(answers.c.key).where(answers.c.status.is_(None))
    with desk.line.records._engine.connect() as connection:
        return connection.scalar(running) is not None


def test_one_that_has_ended_is_not_begun(desk: Desk) -> None:
    """Else its key would be nobody's for minutes."""
    ended = hold(desk)
    ended.let_go()
    ended.begin_unless_over()
    assert not begun(desk)
