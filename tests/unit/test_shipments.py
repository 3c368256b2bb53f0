"""Some segments are on their way to the store while the next arrives: bounded, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.fakes import MemoryStorage
from tests.support.line import TEXT, Line
from tests.support.waiting import eventually
from uploads.documents.errors import SizeMismatch, StorageUnavailable
from uploads.documents.intake import Offer
from uploads.documents.model import State
from uploads.documents.receiving import _UNDER_WAY
from uploads.documents.spool import Room
from uploads.records.protocol import DocumentFilter, Work
from uploads.storage.protocol import Bucket

PIECE = 4096
SECONDS = 60
SEGMENT = 8192
# So many pieces are more than one segment, and less than two.
IN_THE_SECOND = SEGMENT // len(TEXT) + 10
IN_THE_THIRD = 2 * SEGMENT // len(TEXT) + 10
WHOLE = 4 * SEGMENT // len(TEXT)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path, segment_bytes=SEGMENT)
    yield made
    made.records.close()


class Slow(MemoryStorage):
    """A store whose first answer waits until it is told to come, and may be a failure."""

    def __init__(self, clock: Callable[[], object], fails: int = 0) -> None:
        super().__init__(clock)  # type: ignore[arg-type]
        self.asked = threading.Event()
        self.go = threading.Event()
        self.puts = 0
        self.at_once = 0
        self.most = 0
        self.fails = fails

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        self.puts += 1
        mine, self.at_once = self.puts, self.at_once + 1
        self.most = max(self.most, self.at_once)
        self.asked.set()
        assert self.go.wait(SECONDS)
        self.at_once -= 1
        super().put(bucket, key, body, size)
        if mine == self.fails:
            raise StorageUnavailable("stored, and the answer was lost")


def slow(line: Line, fails: int = 0) -> Slow:
    store = Slow(line.clock, fails)
    line.intake._storage = store
    line.storage = store
    return store


def nothing_is_left(line: Line) -> bool:
    page, _ = line.library.list(line.actor, DocumentFilter(frozenset(State)), 10)
    leftovers = line.records.read(lambda work: list(work.leftovers.all()))
    return not page and not line.storage.objects and not leftovers


def test_the_next_segment_arrives_while_one_is_under_way(line: Line) -> None:
    """More than two segments are taken in although the store has not answered yet."""
    store = slow(line)

    def pieces() -> Iterator[bytes]:
        for number in range(WHOLE):
            if number == IN_THE_THIRD:
                eventually(lambda: store.at_once == 2, SECONDS)
                assert not store.objects
                store.go.set()
            yield TEXT

    document = line.intake.accept(line.actor, Offer("a.txt", None), pieces())
    assert document.size == WHOLE * len(TEXT)
    assert 1 < store.most <= _UNDER_WAY + 1
    segments = line.records.read(lambda work: work.documents.segments(document.id))
    assert b"".join(store.objects[Bucket.INCOMING, one.key][0] for one in segments) == TEXT * WHOLE


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_store_that_fails_on_the_way_leaves_nothing(line: Line, fails: int) -> None:
    """Not even the object of a put that worked and whose answer was lost."""
    store = slow(line, fails)
    store.go.set()
    with pytest.raises(StorageUnavailable):
        line.accept(*[TEXT] * WHOLE)
    assert store.puts >= fails
    assert nothing_is_left(line)


def test_a_client_that_leaves_while_a_segment_is_under_way_leaves_nothing(line: Line) -> None:
    """What is under way is waited for, and then removed."""
    store = slow(line)

    def pieces() -> Iterator[bytes]:
        for _ in range(IN_THE_SECOND):
            yield TEXT
        assert store.asked.wait(SECONDS)
        threading.Timer(0.2, store.go.set).start()
        raise SizeMismatch

    with pytest.raises(SizeMismatch):
        line.intake.accept(line.actor, Offer("a.txt", None), pieces())
    assert store.puts == 1
    assert nothing_is_left(line)
    assert line.intake._room.left == line.intake._room.most


class Overtaking(MemoryStorage):
    """A store that answers the first put only after the second one, and then refuses it or not."""

    def __init__(self, clock: Callable[[], object], look: Callable[[], None]) -> None:
        super().__init__(clock)  # type: ignore[arg-type]
        self.puts = 0
        self.second = threading.Event()
        self.look = look
        self.refuses = False

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        self.puts += 1
        if self.puts > 1:
            super().put(bucket, key, body, size)
            self.second.set()
            return
        assert self.second.wait(SECONDS)
        self.look()
        if self.refuses:
            raise StorageUnavailable("the first one failed")
        super().put(bucket, key, body, size)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_segment_is_not_recorded_before_the_one_before_it(line: Line, refuses: bool) -> None:
    """What a crash leaves has no hole; and where the first one fails, nothing is left."""
    wrote, early, write = threading.Event(), [], line.records.write

    def note(unit: Callable[[Work], object]) -> object:
        wrote.set()
        return write(unit)

    line.intake._records = SimpleNamespace(read=line.records.read, write=note)  # type: ignore[assignment]
    # That something does not happen can only be waited for so long.
    store = Overtaking(line.clock, lambda: early.append(wrote.wait(0.5)))
    store.refuses = refuses
    line.intake._storage = line.storage = store
    if refuses:
        with pytest.raises(StorageUnavailable):
            line.accept(*[TEXT] * WHOLE)
        assert nothing_is_left(line)
    else:
        document = line.accept(*[TEXT] * WHOLE)
        segments = line.records.read(lambda work: work.documents.segments(document.id))
        assert [one.offset for one in segments] == sorted(one.offset for one in segments)
        whole = b"".join(store.objects[Bucket.INCOMING, one.key][0] for one in segments)
        assert whole == TEXT * WHOLE
    assert early == [False]


def test_a_segment_is_sent_off_early_where_memory_has_run_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than to go to disk: what is under way is waited for, then what is there goes too."""
    monkeypatch.setattr("uploads.documents.receiving._WORTH_IT", PIECE)
    line = Line(tmp_path, segment_bytes=64 * PIECE)
    line.intake._room = Room(3 * PIECE, folder=tmp_path / "spool")
    document = line.intake.accept(line.actor, Offer("a.txt", None), iter([b"x" * PIECE] * 10))
    segments = line.records.read(lambda work: work.documents.segments(document.id))
    assert [one.size for one in segments] == [3 * PIECE, 3 * PIECE, 3 * PIECE, PIECE]
    assert not (tmp_path / "spool").exists()
    assert line.intake._room.left == 3 * PIECE
    line.records.close()


def test_where_others_hold_the_memory_it_goes_to_disk_and_not_in_crumbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.documents.receiving._WORTH_IT", PIECE)
    line = Line(tmp_path, segment_bytes=4 * PIECE)
    line.intake._room = Room(PIECE // 2, folder=tmp_path / "spool")
    document = line.intake.accept(line.actor, Offer("a.txt", None), iter([b"x" * PIECE] * 10))
    segments = line.records.read(lambda work: work.documents.segments(document.id))
    assert [one.size // PIECE for one in segments] == [1, 1, 1, 1, 2, 2, 2]
    assert (tmp_path / "spool").exists()
    line.records.close()
