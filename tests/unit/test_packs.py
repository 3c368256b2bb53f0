"""Small files of one owner that come at the same time share an object, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.fakes import MemoryStorage
from tests.support.line import GRACE, TEXT, Line
from tests.support.waiting import eventually
from uploads.documents import packs
from uploads.documents.errors import QuotaExceeded, StorageUnavailable
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Document, State
from uploads.documents.packs import Packs, Parcel, is_shared
from uploads.storage.protocol import Bucket

SECONDS = 60
FILES = [TEXT + b"%d" % number * (number + 1) for number in range(4)]


class Held(MemoryStorage):
    """A store whose first `put` waits until it is told to go on, and may fail then."""

    def __init__(self, clock: Callable[[], object]) -> None:
        super().__init__(clock)  # type: ignore[arg-type]
        self.asked = threading.Event()
        self.go = threading.Event()
        self.goes_on = threading.Event()
        self.hangs = 0
        self.puts: list[str] = []
        self.failing: Callable[[int], bool] = lambda number: False

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        self.puts.append(key)
        number = len(self.puts)
        self.asked.set()
        assert self.go.wait(SECONDS)
        if number == self.hangs:
            assert self.goes_on.wait(SECONDS)
        super().put(bucket, key, body, size)
        if self.failing(number):
            raise StorageUnavailable("stored, and the answer was lost")


class Crowd:
    """A line with a store that holds the first file until all others wait behind it."""

    def __init__(self, folder: Path) -> None:
        self.line = Line(folder, segment_bytes=8192)
        self.store = Held(self.line.clock)
        self.line.storage = self.line.intake._storage = self.store
        self.packs = Packs(self.store, self.line.new_id, most_file_bytes=4096)
        self.line.intake._packs = self.packs
        self.line.reaper._storage = self.line.tidier._storage = self.store
        self.line.runner = self.line.new_worker()
        self._threads = ThreadPoolExecutor(len(FILES) + 1)

    def send(self, files: list[bytes], actor: Actor | None = None) -> list[Future[Document]]:
        """The first is on its way when the others come, all before it goes on."""
        sent = [self._send(files[0], actor)]
        assert self.store.asked.wait(SECONDS)
        for count, data in enumerate(files[1:], 1):
            sent.append(self._send(data, actor))
            eventually(lambda: self._waiting() == count, SECONDS)  # noqa: B023
        self.store.go.set()
        return sent

    def _send(self, data: bytes, actor: Actor | None) -> Future[Document]:
        offer = Offer("a.txt", None)
        return self._threads.submit(
            self.line.intake.accept, actor or self.line.actor, offer, iter([data])
        )

    def _waiting(self) -> int:
        return sum(len(line) for line in self.packs._lines.values())

    def close(self) -> None:
        self.store.go.set()
        self.store.goes_on.set()
        self._threads.shutdown()
        self.line.records.close()


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr(packs, "_PATIENCE_SECONDS", SECONDS)
    made = Crowd(tmp_path)
    yield made
    made.close()


def stored(crowd: Crowd) -> list[str]:
    return [key for bucket, key in crowd.line.stored() if bucket == "incoming"]


def test_what_waits_goes_together_and_each_is_inspected_as_itself(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send(FILES)]
    first, second = crowd.store.puts
    assert (is_shared(first), is_shared(second)) == (False, True)
    for document, data in zip(documents, FILES, strict=True):
        crowd.line.runner.run(crowd.line.job_of(document))
        done = crowd.line.document(document.id)
        assert (done.state, done.sha256, done.size) == (State.CLEAN, document.sha256, len(data))
        assert done.clean_key is not None
        assert crowd.store.objects[Bucket.CLEAN, done.clean_key][0] == data


def test_files_of_different_owners_never_share(crowd: Crowd) -> None:
    sent = [crowd._send(FILES[0], one) for one in (crowd.line.actor, crowd.line.stranger)]
    eventually(lambda: len(crowd.store.puts) == 2, SECONDS)
    sent += [crowd._send(FILES[1], crowd.line.stranger) for _ in range(2)]
    sent += [crowd._send(FILES[2], crowd.line.actor)]
    eventually(lambda: crowd._waiting() == 3, SECONDS)
    crowd.store.go.set()
    documents = [one.result(SECONDS) for one in sent]
    owners: dict[str, str] = {}
    for document in documents:
        for one in crowd.line.records.read(lambda work: work.documents.segments(document.id)):  # noqa: B023
            assert owners.setdefault(one.key, document.owner_id) == document.owner_id
    assert len(owners) == 4


def test_a_shared_object_goes_when_nobody_can_count_in_it_any_more(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send(FILES)]
    for document in documents:
        crowd.line.runner.run(crowd.line.job_of(document))
        crowd.line.reaper.reap_due()
    # One of its files might have been stored, and its row be about to come.
    assert stored(crowd) == [crowd.store.puts[1]]
    crowd.line.later(seconds=GRACE.total_seconds())
    crowd.line.reaper.reap_due()
    assert stored(crowd) == []
    assert not crowd.line.records.read(lambda work: list(work.leftovers.all()))


def test_a_deleted_file_is_gone_in_time_though_others_wait_for_ever(crowd: Crowd) -> None:
    _, *shared = [one.result(SECONDS) for one in crowd.send(FILES)]
    pack = crowd.store.puts[1]
    crowd.line.library.delete(crowd.line.actor, shared[0].id)
    crowd.line.later(seconds=GRACE.total_seconds() - 1)
    crowd.line.tidier.tidy()
    crowd.line.reaper.reap_due()
    assert pack not in stored(crowd)
    for document, data in zip(shared[1:], FILES[2:], strict=True):
        (segment,) = crowd.line.records.read(
            lambda work: work.documents.segments(document.id)  # noqa: B023
        )
        assert segment.start is None
        assert crowd.store.objects[Bucket.INCOMING, segment.key][0] == data
        crowd.line.runner.run(crowd.line.job_of(document))
        assert crowd.line.state(document) is State.CLEAN


def test_the_sweeper_does_not_take_a_shared_object_for_an_orphan(crowd: Crowd) -> None:
    documents = [one.result(SECONDS) for one in crowd.send(FILES)]
    crowd.line.later(seconds=3 * GRACE.total_seconds())
    crowd.line.tidier.tidy()
    crowd.line.reaper.reap_due()
    for document in documents:
        crowd.line.runner.run(crowd.line.job_of(document))
        assert crowd.line.state(document) is State.CLEAN


def test_who_is_refused_at_the_end_takes_nothing_from_the_others(crowd: Crowd) -> None:
    admitted = crowd.line.intake._quotas.admit
    refused = len(FILES[2])

    def admit(usage: object, size: int) -> None:
        if size == refused:
            raise QuotaExceeded("bytes", 1, 2)
        admitted(usage, size)  # type: ignore[arg-type]

    crowd.line.intake._quotas.admit = admit  # type: ignore[method-assign]
    sent = crowd.send(FILES)
    with pytest.raises(QuotaExceeded):
        sent[2].result(SECONDS)
    crowd.line.reaper.reap_due()
    kept = [one.result(SECONDS) for one in (sent[0], sent[1], sent[3])]
    for document in kept:
        crowd.line.runner.run(crowd.line.job_of(document))
        assert crowd.line.state(document) is State.CLEAN
    crowd.line.later(seconds=GRACE.total_seconds())
    crowd.line.reaper.reap_due()
    assert stored(crowd) == []


def test_a_failure_is_told_to_all_that_went_together_and_leaves_nothing(crowd: Crowd) -> None:
    crowd.store.failing = lambda number: number == 2
    first, *others = crowd.send(FILES)
    for one in others:
        with pytest.raises(StorageUnavailable):
            one.result(SECONDS)
    crowd.line.runner.run(crowd.line.job_of(first.result(SECONDS)))
    crowd.line.later(seconds=GRACE.total_seconds())
    crowd.line.reaper.reap_due()
    assert stored(crowd) == []
    assert not crowd.packs._lines


def test_the_next_is_called_when_the_one_before_failed(crowd: Crowd) -> None:
    crowd.store.failing = lambda number: number == 1
    first, *others = crowd.send(FILES)
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
    hanging = crowd._threads.submit(crowd.packs.put, "usr", parcels[0])
    assert crowd.store.asked.wait(SECONDS)
    crowd.store.go.set()
    behind = [crowd._threads.submit(crowd.packs.put, "usr", one) for one in parcels[1:]]
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
            eventually(lambda: crowd._waiting() == len(FILES) - 1, SECONDS)
        if first:
            raise Ended
        return honest(self, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs._Waiting, "wait", wait)
        patch.setattr(packs._Waiting, "ended", False, raising=False)
        sent = [crowd._threads.submit(put, crowd, FILES[0])]
        assert crowd.store.asked.wait(SECONDS)
        for count, data in enumerate(FILES[1:], 1):
            sent.append(crowd._threads.submit(put, crowd, data))
            left = when == "in line" and count == len(FILES) - 1
            eventually(lambda: left or crowd._waiting() == count, SECONDS)  # noqa: B023
        if when == "in line":
            eventually(lambda: crowd._waiting() == len(FILES) - 2, SECONDS)
        crowd.store.go.set()
        outcomes = [type(one.exception(SECONDS)) for one in sent]
    assert outcomes == [Ended if number == ended else type(None) for number in range(len(FILES))]
    assert not crowd.packs._lines
    held = b"".join(data for data, _ in crowd.store.objects.values())
    assert all(FILES[number] in held for number in range(len(FILES)) if number != ended)
