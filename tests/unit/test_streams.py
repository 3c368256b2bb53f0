"""Streams and waiting, without HTTP: what is told first, when it ends, and who is woken."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import facts
from tests.support.line import TEXT, Line
from tests.support.waiting import eventually
from uploads.documents.errors import NotFound, RateLimited
from uploads.documents.events import Event
from uploads.documents.feed import Feed
from uploads.documents.model import Actor, State
from uploads.documents.places import Places
from uploads.documents.streaming import Beat, Begun, Streams
from uploads.records.protocol import Work

LONG = 60.0


class Hall:
    """Streams over a line; `ending` and `good` are for the test to say."""

    def __init__(self, folder: Path, *, beat: float = LONG, most: int = 2) -> None:
        self.line = Line(folder)
        self.ending = False
        self.good = True
        self.feed = Feed(self.line.records, lambda: self.ending)
        self.streams = Streams(
            records=self.line.records,
            feed=self.feed,
            holds=self.holds,
            places=Places(10, most),
            beat_seconds=beat,
        )

    def holds(self, _actor: Actor) -> bool:
        return self.good


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


def test_who_waits_is_woken_and_who_is_too_late_does_not_wait(hall: Hall) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(hall.feed.wait, hall.line.actor.user_id, 0, LONG)
        hall.line.accept(TEXT)
        assert waiting.result(90)
    assert hall.feed.wait(hall.line.actor.user_id, 0, LONG)
    assert not hall.feed.wait(hall.line.actor.user_id, 1, 0.3)
    assert not hall.feed.wait(hall.line.stranger.user_id, 0, 0.3)


def test_who_waits_is_woken_also_after_a_look_that_failed(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it was: there is one who looks for all of a process."""
    glance, failed = hall.line.records.glance, threading.Event()

    def fails(unit: Any) -> Any:
        monkeypatch.setattr(hall.line.records, "glance", glance)
        failed.set()
        raise RuntimeError("staged")

    monkeypatch.setattr(hall.line.records, "glance", fails)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(hall.feed.wait, hall.line.actor.user_id, 0, LONG)
        assert failed.wait(LONG)
        hall.line.accept(TEXT)
        assert waiting.result(90)


def test_a_stream_begins_now_and_tells_what_follows(hall: Hall) -> None:
    hall.line.accept(TEXT)
    told = iter(hall.streams.open(hall.line.actor, None))
    assert next(told) == Begun(1)
    second = hall.line.accept(TEXT)
    found = next(told)
    assert isinstance(found, Event)
    assert (found.number, found.document_id) == (2, second.id)


def test_a_stop_ends_streams_and_waiting_at_once(hall: Hall) -> None:
    document = hall.line.accept(TEXT)
    told = iter(hall.streams.open(hall.line.actor, None))
    next(told)
    with ThreadPoolExecutor(2) as pool:
        rest = pool.submit(list, told)
        library = hall.line.library
        library._feed = hall.feed
        waiting = pool.submit(library.wait, hall.line.actor, document.id, LONG * 10)
        hall.ending = True
        assert all(isinstance(one, Beat) for one in rest.result(90))
        assert waiting.result(90).id == document.id


def test_a_credential_that_ended_ends_its_stream_before_the_next_word(hall: Hall) -> None:
    told = iter(hall.streams.open(hall.line.actor, None))
    next(told)
    hall.good = False
    hall.line.accept(TEXT)
    assert next(told, None) is None


def test_the_stream_of_an_upload_that_was_given_up_ends(hall: Hall) -> None:
    """There is nothing left that could settle."""
    line = hall.line
    dying = facts.document("doc_x", owner_id=line.actor.user_id, state=State.RECEIVING)
    line.records.write(lambda work: work.documents.add(dying))
    told = iter(hall.streams.open(line.actor, None, dying.id))
    assert [type(next(told)) for _ in range(2)] == [Begun, Event]
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, told)
        eventually(lambda: hall.feed._waiters, 20)

        def give_up(work: Work) -> None:
            assert work.documents.move(dying.id, {State.RECEIVING}, State.EXPIRED, line.now)
            work.documents.remove(dying.id)

        line.records.write(give_up)
        assert rest.result(10) == []


def test_silence_is_told_in_beats(tmp_path: Path) -> None:
    hall = Hall(tmp_path, beat=0.1)
    told = iter(hall.streams.open(hall.line.actor, None))
    assert next(told) == Begun(0)
    assert isinstance(next(told), Beat)


def test_places_are_bounded_and_given_back(hall: Hall) -> None:
    first, _second = (hall.streams.open(hall.line.actor, None) for _ in range(2))
    with pytest.raises(RateLimited):
        hall.streams.open(hall.line.actor, None)
    hall.streams.open(hall.line.stranger, None)
    first.close()
    first.close()
    hall.streams.open(hall.line.actor, None)
    with pytest.raises(RateLimited):
        hall.streams.open(hall.line.actor, None)


def test_somebody_elses_document_has_no_stream(hall: Hall) -> None:
    document = hall.line.accept(TEXT)
    with pytest.raises(NotFound):
        hall.streams.open(hall.line.stranger, None, document.id)


def test_whoever_comes_back_too_late_is_told_to_begin_anew(hall: Hall) -> None:
    for _ in range(2):
        hall.line.accept(TEXT)
    hall.line.later(days=8)
    hall.line.records.write(lambda work: work.events.remove_before(hall.line.now, 10))
    told = iter(hall.streams.open(hall.line.actor, 1))
    assert next(told) == Begun(1, whole=False)


def test_the_look_ends_when_nobody_waits(hall: Hall) -> None:
    hall.feed.wait(hall.line.actor.user_id, 0, 0.1)
    assert eventually(lambda: not hall.feed._looks, 90)
