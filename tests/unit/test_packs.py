"""Small files of one owner that come at the same time share an object, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.crowd import FILES, SECONDS, Crowd
from tests.support.line import GRACE
from tests.support.waiting import eventually
from uploads.documents import packs
from uploads.documents.errors import QuotaExceeded, StorageUnavailable
from uploads.documents.model import Document, Segment, State
from uploads.documents.packs import Parcel, is_shared
from uploads.storage.protocol import Bucket


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr(packs, "_PATIENCE_SECONDS", SECONDS)
    made = Crowd(tmp_path)
    yield made
    made.close()


def stored(crowd: Crowd) -> list[str]:
    return [key for bucket, key in crowd.line.stored() if bucket == "incoming"]


def sweep(crowd: Crowd) -> None:
    """What the schedule does when the grace time is as good as over."""
    crowd.line.later(seconds=GRACE.total_seconds() - 1)
    crowd.line.tidier.tidy()
    crowd.line.reaper.reap_due()


def become_clean(crowd: Crowd, documents: Iterable[Document]) -> None:
    crowd.line.work_off()
    assert {crowd.line.state(document) for document in documents} == {State.CLEAN}


def segments(crowd: Crowd, document: Document) -> Sequence[Segment]:
    return crowd.line.records.read(lambda work: work.documents.segments(document.id))


def test_what_waits_goes_together_and_each_is_inspected_as_itself(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send()]
    first, second = crowd.store.puts
    assert (is_shared(first), is_shared(second)) == (False, True)
    become_clean(crowd, documents)
    for document, data in zip(documents, FILES, strict=True):
        done = crowd.line.document(document.id)
        assert (done.state, done.sha256, done.size) == (State.CLEAN, document.sha256, len(data))
        assert done.clean_key is not None
        assert crowd.store.objects[Bucket.CLEAN, done.clean_key][0] == data


def test_files_of_different_owners_never_share(crowd: Crowd) -> None:
    sent = [crowd.send_one(FILES[0], one) for one in (crowd.line.actor, crowd.line.stranger)]
    eventually(lambda: len(crowd.store.puts) == 2, SECONDS)
    sent += [crowd.send_one(FILES[1], crowd.line.stranger) for _ in range(2)]
    sent += [crowd.send_one(FILES[2], crowd.line.actor)]
    crowd.until_there_wait(3)
    crowd.store.go.set()
    documents = [one.result(SECONDS) for one in sent]
    owners: dict[str, str] = {}
    for document in documents:
        for one in segments(crowd, document):
            assert owners.setdefault(one.key, document.owner_id) == document.owner_id
    assert len(owners) == 4


def test_a_shared_object_goes_when_nobody_can_count_in_it_any_more(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send()]
    become_clean(crowd, documents)
    crowd.line.reaper.reap_due()
    # One of its files might have been stored, and its row be about to come.
    assert stored(crowd) == [crowd.store.puts[1]]
    sweep(crowd)
    assert stored(crowd) == []
    assert not crowd.line.records.read(lambda work: list(work.leftovers.all()))


def test_a_deleted_file_is_gone_in_time_though_others_wait_for_ever(crowd: Crowd) -> None:
    _, *shared = [one.result(SECONDS) for one in crowd.send()]
    pack = crowd.store.puts[1]
    crowd.line.library.delete(crowd.line.actor, shared[0].id)
    sweep(crowd)
    assert pack not in stored(crowd)
    for document, data in zip(shared[1:], FILES[2:], strict=True):
        (segment,) = segments(crowd, document)
        assert segment.start is None
        assert crowd.store.objects[Bucket.INCOMING, segment.key][0] == data
    become_clean(crowd, shared[1:])


def test_a_shared_object_that_the_store_lost_holds_up_no_sweep(crowd: Crowd) -> None:
    _, *shared = [one.result(SECONDS) for one in crowd.send()]
    crowd.line.library.delete(crowd.line.actor, shared[0].id)
    del crowd.store.objects[Bucket.INCOMING, crowd.store.puts[1]]
    sweep(crowd)
    held_up = crowd.line.records.read(lambda work: work.leftovers.held_up(crowd.line.now, 9))
    assert [document_id for document_id, _ in held_up] == [one.id for one in shared[1:]]


def test_a_file_that_goes_while_it_is_given_an_object_leaves_none(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one, other, _ = [sent.result(SECONDS) for sent in crowd.send()]
    crowd.line.library.delete(crowd.line.actor, one.id)
    crowd.line.later(seconds=GRACE.total_seconds() - 1)
    honest = crowd.store.put

    def meanwhile(bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        honest(bucket, key, body, size)
        if key.startswith(other.id.removeprefix("doc_")):
            crowd.line.library.delete(crowd.line.actor, other.id)

    monkeypatch.setattr(crowd.store, "put", meanwhile)
    crowd.line.tidier.tidy()
    crowd.line.reaper.reap_due()
    assert not [key for key in stored(crowd) if key.startswith(other.id.removeprefix("doc_"))]


def test_a_sweep_that_is_held_up_while_it_moves_a_file_loses_none(crowd: Crowd) -> None:
    """Others take what it has put for an orphan; the file stays where it was."""
    _, one, *others = [sent.result(SECONDS) for sent in crowd.send()]
    crowd.line.library.delete(crowd.line.actor, one.id)
    honest = crowd.store.put

    def late(bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        honest(bucket, key, body, size)
        crowd.line.later(seconds=GRACE.total_seconds() + 1)
        crowd.line.reaper.reap_due()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd.store, "put", late)
        sweep(crowd)
    become_clean(crowd, others)


def test_a_shared_object_of_a_dead_process_is_gone_in_time(crowd: Crowd) -> None:
    crowd.store.go.set()
    crowd.store.put(Bucket.INCOMING, packs.SHARED + "0", [b"x"], 1)
    crowd.line.later(seconds=(GRACE - packs.left_alone(GRACE)).total_seconds())
    crowd.store.put(Bucket.INCOMING, packs.SHARED + "1", [b"x"], 1)
    crowd.line.tidier.tidy()
    crowd.line.later(seconds=packs.left_alone(GRACE).total_seconds())
    crowd.line.reaper.reap_due()
    assert stored(crowd) == [packs.SHARED + "1"]


def test_the_sweeper_does_not_take_a_shared_object_for_an_orphan(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send()]
    for _ in range(3):
        sweep(crowd)
    become_clean(crowd, documents)


def test_who_is_refused_at_the_end_takes_nothing_from_the_others(crowd: Crowd) -> None:
    admitted = crowd.line.intake._quotas.admit
    refused = len(FILES[2])

    def admit(usage: object, size: int) -> None:
        if size == refused:
            raise QuotaExceeded("bytes", 1, 2)
        admitted(usage, size)  # type: ignore[arg-type]

    crowd.line.intake._quotas.admit = admit  # type: ignore[method-assign]
    sent = crowd.send()
    with pytest.raises(QuotaExceeded):
        sent[2].result(SECONDS)
    crowd.line.reaper.reap_due()
    become_clean(crowd, [one.result(SECONDS) for one in (sent[0], sent[1], sent[3])])
    sweep(crowd)
    assert stored(crowd) == []


def test_a_failure_is_told_to_all_that_went_together_and_leaves_nothing(crowd: Crowd) -> None:
    crowd.store.failing = lambda number: number == 2
    first, *others = crowd.send()
    for one in others:
        with pytest.raises(StorageUnavailable):
            one.result(SECONDS)
    become_clean(crowd, [first.result(SECONDS)])
    sweep(crowd)
    assert stored(crowd) == []
    assert not crowd.packs._lines


def test_the_next_is_called_when_the_one_before_failed(crowd: Crowd) -> None:
    crowd.store.failing = lambda number: number == 1
    first, *others = crowd.send()
    with pytest.raises(StorageUnavailable):
        first.result(SECONDS)
    assert {one.result(SECONDS).state for one in others} == {State.QUARANTINED}


def test_nobody_waits_for_long_for_one_that_hangs(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those behind it go by themselves; whoever comes then finds no line."""
    monkeypatch.setattr(packs, "_PATIENCE_SECONDS", 0.05)
    parcels = [Parcel(crowd.line.new_id(), [data], len(data)) for data in FILES]
    crowd.store.hangs = 1
    hanging = crowd.threads.submit(crowd.packs.put, "usr", parcels[0])
    assert crowd.store.asked.wait(SECONDS)
    crowd.store.go.set()
    behind = [crowd.threads.submit(crowd.packs.put, "usr", one) for one in parcels[1:]]
    for one in behind:
        one.result(SECONDS)
    assert not hanging.done()
    crowd.store.goes_on.set()
    hanging.result(SECONDS)
    assert not crowd.packs._lines
    assert {len(data) for data, _ in crowd.store.objects.values()} >= {len(FILES[0])}


class Ended(BaseException):
    """What ends a greenlet where it waits."""


def put(crowd: Crowd, data: bytes) -> None:
    body = [data]
    try:
        crowd.packs.put("usr", Parcel(crowd.line.new_id(), body, len(data)))
    finally:
        body.clear()  # as whoever ends closes its spool


@pytest.mark.parametrize("when", ["in line", "on its way", "called"])
def test_who_is_ended_while_it_waits_holds_up_nobody(crowd: Crowd, when: str) -> None:
    """Bytes that are on their way already stay until they are there: others go with them."""
    honest, ended = packs._Waiting.wait, 1 if when == "called" else 2

    def wait(self: packs._Waiting, seconds: float = -1) -> bool:
        first = not self.ended and self.parcel.size == len(FILES[ended])  # type: ignore[attr-defined]
        self.ended = True  # type: ignore[attr-defined]
        if first and when == "on its way":
            eventually(lambda: self.parcel.start is not None, SECONDS)
        elif first and when == "called":
            honest(self)
        elif first:
            crowd.until_there_wait(len(FILES) - 1)
        if first:
            raise Ended
        return honest(self, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs._Waiting, "wait", wait)
        patch.setattr(packs._Waiting, "ended", False, raising=False)
        sent = [crowd.threads.submit(put, crowd, FILES[0])]
        assert crowd.store.asked.wait(SECONDS)
        for count, data in enumerate(FILES[1:], 1):
            sent.append(crowd.threads.submit(put, crowd, data))
            if when == "in line" and count == len(FILES) - 1:
                assert isinstance(sent[ended].exception(SECONDS), Ended)
                crowd.until_there_wait(len(FILES) - 2)
            else:
                crowd.until_there_wait(count)
        crowd.store.go.set()
        outcomes = [type(one.exception(SECONDS)) for one in sent]
    assert outcomes == [Ended if number == ended else type(None) for number in range(len(FILES))]
    assert not crowd.packs._lines
    held = b"".join(data for data, _ in crowd.store.objects.values())
    assert all(FILES[number] in held for number in range(len(FILES)) if number != ended)
