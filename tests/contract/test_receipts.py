"""A file under an Idempotency-Key, on both databases: its document and its answer, or neither."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Response
from sqlalchemy import update

from tests.support.desk import DEAD, OFFER, SILENCE, Desk, replayed
from tests.support.line import TEXT, Line
from uploads.documents.errors import (
    Conflict,
    DigestMismatch,
    IdempotencyMismatch,
    Malformed,
    RecordsUnavailable,
    SizeMismatch,
    StillRunning,
    TypeMismatch,
)
from uploads.documents.intake import Offer
from uploads.documents.model import State
from uploads.idempotency import keyed
from uploads.records.protocol import DocumentFilter, Work
from uploads.records.tables import answers


def test_the_same_file_is_taken_once_and_read_each_time(desk: Desk) -> None:
    first, stored = desk.send(), dict(desk.line.storage.objects)
    second = desk.send(TEXT[:9], TEXT[9:])
    assert (replayed(first), replayed(second)) == (False, True)
    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert second.headers["Location"] == first.headers["Location"]
    assert len(desk.documents) == 1
    assert desk.line.storage.objects == stored, "nothing of the second was stored"
    assert desk.line.quotas.of(desk.line.actor.user_id).files_used == 1


@pytest.mark.parametrize(
    "other",
    [
        Offer("b.txt", "text/plain"),
        Offer("a.txt", None),
        Offer("a.txt", "text/plain", declared_size=len(TEXT) - 1),
        Offer("a.txt", "text/plain", expected_sha256="0" * 64),
    ],
)
def test_what_says_that_it_is_another_file_is_not_read(desk: Desk, other: Offer) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    desk.send()
    with pytest.raises(IdempotencyMismatch):
        desk.send(offer=other, via=never())


def test_another_file_is_found_out_by_its_bytes(desk: Desk) -> None:
    unknown = Offer("a.txt", "text/plain")
    desk.send()
    for other in (TEXT[:-1], TEXT.swapcase()):
        with pytest.raises(IdempotencyMismatch):
            desk.send(other, offer=unknown)

    def too_much() -> Iterator[bytes]:
        yield from [TEXT, b"x"]
        raise AssertionError("read on")

    with pytest.raises(IdempotencyMismatch):
        desk.send(offer=unknown, via=too_much())
    assert len(desk.documents) == 1


def test_a_repeat_that_was_changed_on_its_way_is_told_so(desk: Desk) -> None:
    promised = Offer("a.txt", "text/plain", desk.send().get_json()["sha256"])
    with pytest.raises(DigestMismatch):
        desk.send(TEXT.swapcase(), offer=promised)
    assert replayed(desk.send(offer=promised))


def test_while_it_is_under_way_nobody_else_is_read(desk: Desk) -> None:
    def slowly() -> Iterator[bytes]:
        """For longer than a dead one would be waited for."""
        for at in range(0, len(TEXT), 12):
            desk.line.later(seconds=SILENCE)
            yield TEXT[at : at + 12]
            with pytest.raises(StillRunning) as told:
                desk.send(via=slowly())
            assert told.value.seconds > 0

    assert not replayed(desk.send(via=slowly()))
    assert replayed(desk.send())


def test_one_whose_key_was_given_away_makes_no_document(desk: Desk) -> None:
    """It was silent for so long that it passed for dead, and went on all the same."""
    answers: list[Response] = []

    def silent() -> Iterator[bytes]:
        yield TEXT[:9]
        desk.line.later(seconds=DEAD.total_seconds())
        answers.append(desk.send())
        yield TEXT[9:]

    with pytest.raises(StillRunning):
        desk.send(via=silent())
    assert replayed(desk.send())
    assert [one.id for one in desk.documents] == [answers[0].get_json()["id"]]


def test_one_whose_key_was_given_away_at_the_last_moment_makes_none_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind its last byte nobody renews: the commit itself has to see it."""
    put = desk.line.storage.put

    def stalls(*args: object) -> None:
        monkeypatch.undo()
        put(*args)  # type: ignore[arg-type]
        monkeypatch.setattr("uploads.clock.now", desk.line.clock)
        desk.line.later(seconds=DEAD.total_seconds())
        desk.send()

    monkeypatch.setattr(desk.line.storage, "put", stalls)
    with pytest.raises(Conflict):
        desk.send()
    assert len(desk.documents) == 1
    assert replayed(desk.send())


@pytest.mark.parametrize(
    ("offer", "pieces", "error"),
    [
        (Offer("a.png", None), [TEXT], TypeMismatch),
        (Offer("a.txt", None, "0" * 64), [TEXT], DigestMismatch),
    ],
)
def test_after_a_refusal_the_right_file_may_come_under_the_key(
    desk: Desk, offer: Offer, pieces: list[bytes], error: type[Exception]
) -> None:
    for _ in range(2):
        with pytest.raises(error):
            desk.send(*pieces, offer=offer)
    assert not replayed(desk.send())
    assert replayed(desk.send())


def test_after_a_broken_connection_it_is_taken_anew(desk: Desk) -> None:
    def breaks() -> Iterator[bytes]:
        yield TEXT[:9]
        raise SizeMismatch

    with pytest.raises(SizeMismatch):
        desk.send(via=breaks())
    assert not replayed(desk.send())
    assert len(desk.documents) == 1


def test_a_key_that_is_none_is_refused(desk: Desk) -> None:
    with pytest.raises(Malformed):
        desk.send(key="a b")


def lost_commit(line: Line, meanwhile: Callable[[], object]) -> Callable[..., object]:
    """`Records.write` that commits what makes a document, and says so to nobody."""
    honest = line.records.write

    def write(unit: Callable[[Work], object]) -> object:
        found = honest(unit)
        if line.library.list(line.actor, DocumentFilter(), 1)[0]:
            line.records.write = honest  # type: ignore[method-assign]
            meanwhile()
            raise RecordsUnavailable("staged")
        return found

    return write


def test_a_document_that_is_taken_back_takes_its_answer_along(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database committed and said so to nobody: no answer may tell of what is gone."""
    write = lost_commit(desk.line, lambda: None)
    monkeypatch.setattr(desk.line.records, "write", write)
    with pytest.raises(RecordsUnavailable):
        desk.send()
    assert desk.documents == []
    assert not replayed(desk.send())
    assert len(desk.documents) == 1


def test_a_document_that_stays_keeps_its_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, but a worker had begun with it: it is not taken back, and the next try has it."""

    def begin() -> None:
        now, (one,) = desk.line.now, desk.documents
        desk.line.records.write(
            lambda work: work.documents.move(one.id, {State.QUARANTINED}, State.SCANNING, now)
        )

    monkeypatch.setattr(desk.line.records, "write", lost_commit(desk.line, begin))
    with pytest.raises(RecordsUnavailable):
        desk.send()
    assert replayed(desk.send())
    assert len(desk.documents) == 1


def test_keys_are_forgotten_after_a_day(desk: Desk) -> None:
    """Those that were never answered, too."""
    desk.send()
    desk.line.later(hours=23)
    desk.line.tidier.tidy()
    assert replayed(desk.send())
    desk.line.later(hours=2)
    desk.line.tidier.tidy()
    assert not replayed(desk.send())
    assert len(desk.documents) == 2


@pytest.mark.parametrize(
    ("offer", "content", "same"),
    [
        (OFFER, TEXT, True),
        (replace(OFFER, untrusted_name="b.txt"), TEXT, False),
        (replace(OFFER, declared_size=None), TEXT.swapcase(), False),
    ],
)
def test_what_an_earlier_version_kept_is_told_again(
    desk: Desk, offer: Offer, content: bytes, same: bool
) -> None:
    """It kept digests of name, type and bytes that only the service could make."""
    made = desk.send().get_json()
    with desk.app.app_context():
        claims = keyed(json.dumps([OFFER.untrusted_name, OFFER.declared_type]).encode())
        kept = f"{len(TEXT)}:{claims}:{keyed(made['sha256'].encode())}"
    with desk.line.records._engine.begin() as connection:
        connection.execute(update(answers).values(fingerprint=kept))
    if same:
        assert replayed(desk.send(content, offer=offer))
    else:
        with pytest.raises(IdempotencyMismatch):
            desk.send(content, offer=offer)
