"""What `accept` keeps, and what it leaves behind when it refuses: nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from tests.support import benign_files
from tests.support.hostile_files import png
from tests.support.line import TEXT, Line
from uploads import faults
from uploads.documents.errors import (
    BadName,
    CommitUnknown,
    Conflict,
    DigestMismatch,
    EmptyFile,
    FileTooLarge,
    MalformedFile,
    RecordsUnavailable,
    StorageUnavailable,
    TypeMismatch,
    TypeNotAllowed,
    UploadsError,
)
from uploads.documents.intake import Offer
from uploads.documents.model import State
from uploads.records.protocol import DocumentFilter, Work
from uploads.storage.protocol import Bucket

PNG = benign_files.picture("PNG")


def nothing_is_left(line: Line) -> bool:
    page, _ = line.library.list(line.actor, DocumentFilter(frozenset(State)), 10)
    leftovers = line.records.read(lambda work: list(work.leftovers.all()))
    return not page and not line.storage.objects and not leftovers


def unconfirmed(line: Line, monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], object]:
    """The commit of a file whose connection broke before its end was heard of; not done yet."""
    honest, lost = line.records.write, list[Callable[[Work], object]]()

    def write(unit: Callable[[Work], object]) -> object:
        if lost:
            return honest(unit)
        lost.append(unit)
        raise CommitUnknown

    monkeypatch.setattr(line.records, "write", write)
    with pytest.raises(CommitUnknown):
        line.accept(TEXT)
    return lost[0]


def test_bytes_stay_where_the_commit_may_still_happen(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database gets round to it after we looked for it."""
    unit = unconfirmed(line, monkeypatch)
    assert not line.library.list(line.actor, DocumentFilter(), 1)[0]
    line.records.write(unit)
    ((document, *_), _) = line.library.list(line.actor, DocumentFilter(), 1)
    line.new_worker().run(line.job_of(document))
    assert line.document(document.id).state is State.CLEAN


def test_bytes_of_a_commit_that_never_happened_are_swept(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed(line, monkeypatch)
    assert not nothing_is_left(line)
    line.later(hours=2)
    line.tidier.tidy()
    line.later(hours=2)
    line.reaper.reap_due()
    assert nothing_is_left(line)


def test_a_small_file_is_one_segment_one_row_and_one_due_job(line: Line) -> None:
    document = line.accept(TEXT)
    assert document.state is State.QUARANTINED
    assert document.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert len(line.storage.objects) == 1
    assert line.job_of(document)


def test_a_long_file_is_segments_in_order_that_add_up_to_it(line: Line) -> None:
    document = line.accept(*[TEXT] * 40)
    segments = line.records.read(lambda work: work.documents.segments(document.id))
    assert len(segments) > 2
    data = b"".join(line.storage.objects[Bucket.INCOMING, one.key][0] for one in segments)
    assert data == TEXT * 40
    assert [one.offset for one in segments] == [
        sum(other.size for other in segments[:index]) for index in range(len(segments))
    ]


def test_a_long_file_is_visible_as_receiving_while_it_comes(line: Line) -> None:
    seen: list[State] = []

    def slowly() -> Iterator[bytes]:
        for _ in range(40):
            yield TEXT
            page, _cursor = line.library.list(line.actor, DocumentFilter(), 10)
            seen.extend(document.state for document in page)

    line.intake.accept(line.actor, Offer("a.txt", None), slowly())
    assert set(seen) == {State.RECEIVING}


@pytest.mark.parametrize(
    ("name", "pieces", "error"),
    [
        ("a.txt", [], EmptyFile),
        ("a.txt", [TEXT] * 3000, FileTooLarge),
        ("a.exe", [TEXT], TypeNotAllowed),
        ("a.png", [TEXT], TypeMismatch),
        ("../a.txt", [TEXT], BadName),
        ("a.png", [PNG, b"text"], MalformedFile),
        ("a.png", [png(60_000, 60_000), *[TEXT] * 40], MalformedFile),
        ("a.docx", [benign_files.pack({"a": b"b"})], TypeMismatch),
    ],
)
def test_a_refusal_leaves_nothing(
    line: Line, name: str, pieces: list[bytes], error: type[UploadsError]
) -> None:
    with pytest.raises(error):
        line.accept(*pieces, name=name)
    assert nothing_is_left(line)
    assert not line.hints.jobs


def test_the_limit_itself_is_accepted_and_one_byte_more_is_not(line: Line) -> None:
    line.accept(b"a" * 100_000)
    with pytest.raises(FileTooLarge):
        line.accept(b"a" * 100_000, b"a")


def test_an_announced_size_over_the_limit_is_refused_before_the_first_byte(line: Line) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    with pytest.raises(FileTooLarge):
        line.intake.accept(line.actor, Offer("a.txt", None, declared_size=100_001), never())


@pytest.mark.parametrize(
    ("name", "head", "size", "error"),
    [
        ("a.txt", b"", 0, EmptyFile),
        ("a.txt", TEXT, 100_001, FileTooLarge),
        ("a.exe", TEXT, 9, TypeNotAllowed),
        ("a.png", TEXT, 9, TypeMismatch),
        ("../a.txt", TEXT, 9, BadName),
    ],
)
def test_who_asks_first_hears_the_same_and_nothing_is_kept(
    line: Line, name: str, head: bytes, size: int, error: type[UploadsError]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something was written")

    line.records.write = never  # type: ignore[method-assign,assignment]
    with pytest.raises(error):
        line.intake.check(Offer(name, None, declared_size=size), head)
    line.intake.check(Offer("a.txt", "text/plain", declared_size=100_000), TEXT)
    assert nothing_is_left(line)


def test_a_time_is_kept_as_it_is_told(line: Line) -> None:
    """In whole milliseconds, so that who sorts by what it was told has the list's own order."""
    line.now = line.now.replace(microsecond=123_456)
    assert line.accept(TEXT).created_at.microsecond == 123_000


def test_bytes_with_another_digest_than_announced_leave_nothing(line: Line) -> None:
    with pytest.raises(DigestMismatch):
        line.accept(*[TEXT] * 40, sha256="0" * 64)
    assert nothing_is_left(line)


def test_a_client_that_leaves_in_the_middle_leaves_nothing(line: Line) -> None:
    def breaks() -> Iterator[bytes]:
        yield from [TEXT] * 40
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        line.intake.accept(line.actor, Offer("a.txt", None), breaks())
    assert nothing_is_left(line)


def test_a_store_that_is_away_is_said_and_nothing_is_recorded(line: Line) -> None:
    line.storage.broken = True
    with pytest.raises(StorageUnavailable):
        line.accept(TEXT)
    line.storage.broken = False
    page, _ = line.library.list(line.actor, DocumentFilter(), 10)
    assert not page


def test_what_could_not_be_deleted_at_once_is_in_the_ledger(line: Line) -> None:
    def breaks_with_the_store() -> Iterator[bytes]:
        yield from [TEXT] * 40
        line.storage.broken = True
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        line.intake.accept(line.actor, Offer("a.txt", None), breaks_with_the_store())
    line.storage.broken = False
    assert line.storage.objects
    line.reaper.reap_due()
    assert nothing_is_left(line)


def test_a_process_that_dies_before_the_commit_leaves_only_what_the_sweeper_finds(
    line: Line,
) -> None:
    """Crash window s4–s5: objects and a RECEIVING row, gone after the grace time."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    line.intake._give_up = killed  # type: ignore[method-assign]
    faults.arm("s4:fail")
    with pytest.raises(Killed):
        line.accept(*[TEXT] * 40)
    assert line.storage.objects
    line.later(minutes=31)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert nothing_is_left(line)


def test_an_object_that_was_swept_before_its_commit_is_not_recorded(line: Line) -> None:
    honest = line.storage.put

    def slowly(*args: object) -> None:
        honest(*args)  # type: ignore[arg-type]
        line.later(minutes=31)
        line.tidier.tidy()
        line.reaper.reap_due()

    line.storage.put = slowly  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict):
        line.accept(TEXT)
    assert nothing_is_left(line)


def test_a_commit_whose_answer_was_lost_leaves_no_ghost(line: Line) -> None:
    """The database committed, but said so to nobody: the client hears 503, and nothing waits."""
    honest = line.records.write

    def loses_the_answer(unit: Callable[[Work], object]) -> object:
        line.records.write = honest  # type: ignore[method-assign]
        honest(unit)
        raise RecordsUnavailable("staged")

    line.records.write = loses_the_answer  # type: ignore[method-assign,assignment]
    with pytest.raises(RecordsUnavailable):
        line.accept(TEXT)
    assert nothing_is_left(line)


def test_an_upload_deleted_while_it_comes_ends_and_keeps_its_tombstone(line: Line) -> None:
    def meanwhile() -> Iterator[bytes]:
        yield from [TEXT] * 60
        page, _ = line.library.list(line.actor, DocumentFilter(), 10)
        line.library.delete(line.actor, page[0].id)
        yield from [TEXT] * 20

    with pytest.raises(Conflict):
        line.intake.accept(line.actor, Offer("a.txt", None), meanwhile())
    line.reaper.reap_due()
    assert not line.storage.objects
    page, _ = line.library.list(line.actor, DocumentFilter({State.DELETED}), 10)
    assert len(page) == 1


def test_an_upload_that_is_still_alive_is_not_swept(line: Line) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(40):
            line.later(minutes=10)
            line.tidier.tidy()
            line.reaper.reap_due()
            yield TEXT

    document = line.intake.accept(line.actor, Offer("a.txt", None), slowly())
    line.runner.run(line.job_of(document))
    assert line.state(document) is State.CLEAN
