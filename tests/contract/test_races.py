"""Two units at the same moment, on both databases: nothing is lost, nothing is left over.

On PostgreSQL the second one runs to its end between two statements of the first; SQLite lets it
wait until the first has ended. Whoever comes first, the outcome must be whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.drawing import leased_render, render_handler
from tests.support.line import GRACE, LEASE, TEXT, Line
from tests.support.meanwhile import Between, assert_nothing_is_left, clean
from uploads.documents.errors import LeaseLost, StorageUnavailable
from uploads.documents.model import AuditEntry, Document, State
from uploads.documents.packs import Packs
from uploads.documents.receiving import Receiver
from uploads.documents.spool import Room
from uploads.records.documents import SqlDocuments
from uploads.records.jobs import SqlJobs
from uploads.records.protocol import Leftover
from uploads.storage.protocol import Bucket


@pytest.fixture
def line(tmp_path: Path, database_url: str) -> Iterator[Line]:
    made = Line(tmp_path, database_url=database_url)
    yield made
    made.records.close()


def render(line: Line, document: Document) -> Callable[[], None]:
    """The render job of a document, leased and ready to run."""
    job, handler = leased_render(line, document), render_handler(line)

    def run() -> None:
        with suppress(LeaseLost):
            handler(job)

    return run


@pytest.mark.parametrize(
    ("owner", "name"), [(SqlDocuments, "get"), (SqlDocuments, "move"), (SqlJobs, "cancel")]
)
def test_a_verdict_committed_during_a_delete_leaves_no_bytes(
    line: Line, between: Between, owner: type, name: str
) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    verdict = between(owner, name, lambda: line.runner.run(job_id))
    line.library.delete(line.actor, document.id)
    verdict.result()
    assert line.state(document) is State.DELETED
    assert_nothing_is_left(line)


@pytest.mark.parametrize("name", ["drop_segments", "add_verdict"])
def test_a_delete_during_the_commit_of_a_verdict_leaves_no_bytes(
    line: Line, between: Between, name: str
) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    deletion = between(SqlDocuments, name, lambda: line.library.delete(line.actor, document.id))
    line.runner.run(job_id)
    deletion.result()
    assert line.state(document) is State.DELETED
    assert_nothing_is_left(line)


@pytest.mark.parametrize(
    ("owner", "name"), [(SqlDocuments, "get"), (SqlDocuments, "move"), (SqlJobs, "cancel")]
)
def test_a_picture_committed_during_a_delete_leaves_no_bytes(
    line: Line, between: Between, owner: type, name: str
) -> None:
    document = clean(line)
    picture = between(owner, name, render(line, document))
    line.library.delete(line.actor, document.id)
    picture.result()
    assert line.document(document.id).renditions == ()
    assert_nothing_is_left(line)


@pytest.mark.parametrize(
    ("owner", "name"), [(SqlJobs, "renew"), (SqlDocuments, "find"), (SqlDocuments, "add_rendition")]
)
def test_a_delete_during_the_commit_of_a_picture_leaves_no_bytes(
    line: Line, between: Between, owner: type, name: str
) -> None:
    document = clean(line)
    run = render(line, document)
    deletion = between(owner, name, lambda: line.library.delete(line.actor, document.id))
    run()
    deletion.result()
    assert line.state(document) is State.DELETED
    assert line.document(document.id).renditions == ()
    assert_nothing_is_left(line)


def test_a_picture_of_a_document_that_was_withdrawn_meanwhile_does_not_count(line: Line) -> None:
    document = clean(line)
    run = render(line, document)
    honest = line.storage.put

    def slowly(bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        honest(bucket, key, body, size)
        line.records.write(
            lambda work: work.documents.move(document.id, {State.CLEAN}, State.INFECTED, line.now)
        )

    line.storage.put = slowly  # type: ignore[method-assign]
    run()
    assert line.document(document.id).renditions == ()
    line.later(seconds=GRACE.total_seconds() + 1)
    line.reaper.reap_due()
    assert line.stored() == [("clean", document.clean_key)]


@pytest.mark.parametrize("damage", ["changed", "lost"])
@pytest.mark.parametrize("lasts", [False, True])
def test_bytes_that_the_store_has_damaged_are_withdrawn(
    line: Line, damage: str, lasts: bool
) -> None:
    """And clean again where it was one answer that was wrong: the right bytes are there."""
    document = clean(line)
    assert document.clean_key is not None
    place = (Bucket.CLEAN, document.clean_key)
    data, at = line.storage.objects.pop(place)
    if damage == "changed":
        line.storage.objects[place] = (data[:-1] + b"X", at)
    render(line, document)()
    found = line.document(document.id)
    assert (found.state, found.renditions) == (State.QUARANTINED, ())
    if not lasts:
        line.storage.objects[place] = (data, at)
    for _ in range(4):
        line.work_off()
        line.later(seconds=LEASE.total_seconds() + 1)
    found = line.document(document.id)
    assert found.state is (State.FAILED if lasts else State.CLEAN)
    line.later(seconds=GRACE.total_seconds() + 1)
    line.reaper.reap_due()
    assert line.stored() == ([place] if place in line.storage.objects else [])


def uploading(line: Line) -> tuple[Document, Receiver]:
    """An upload with a row and its last bytes still to come, so old that it passes for dead."""
    draft = Document(
        id="doc_" + line.new_id(),
        owner_id=line.actor.user_id,
        name="a.txt",
        size=0,
        declared_type=None,
        type="text/plain",
        state=State.RECEIVING,
        created_at=line.now,
        updated_at=line.now,
    )
    receiver = Receiver(
        draft,
        records=line.records,
        storage=line.storage,
        clock=line.clock,
        new_id=line.new_id,
        admit=lambda usage, size: None,
        room=Room(1024 * 1024),
        packs=Packs(line.storage, line.new_id, most_file_bytes=0),
        segment_bytes=1024,
        segment_seconds=300,
        grace_seconds=int(GRACE.total_seconds()),
    )
    for _ in range(30):
        receiver.write(TEXT)
    line.later(seconds=GRACE.total_seconds() + 1)
    return draft, receiver


def test_an_upload_that_ends_while_it_is_given_up_is_kept_or_told(
    line: Line, between: Between
) -> None:
    """Its end was committed: then it stays, whatever the sweeper had read before."""
    from uploads.documents.errors import Conflict

    draft, receiver = uploading(line)
    end = between(SqlDocuments, "stalled", lambda: receiver.finish())
    line.tidier.tidy()
    try:
        end.result()
    except Conflict:
        receiver.discard(AuditEntry(line.now, "usr", "upload.refused", "conflict"))
        assert line.records.read(lambda work: work.documents.find(draft.id)) is None
        assert_nothing_is_left(line)
    else:
        line.reaper.reap_due()
        line.runner.run(line.job_of(draft))
        assert line.state(draft) is State.CLEAN


def test_a_segment_that_counts_is_not_reaped_whatever_was_announced(line: Line) -> None:
    """A store whose clock is behind makes new objects look like orphans."""
    document = line.accept(TEXT)
    (_, key), *_ = line.stored()
    line.records.write(lambda work: work.leftovers.add(Leftover(Bucket.INCOMING, key, line.now)))
    assert line.reaper.reap_due() == 0
    line.runner.run(line.job_of(document))
    assert line.state(document) is State.CLEAN
    assert [bucket for bucket, _ in line.stored()] == ["clean"]


def test_a_picture_that_comes_after_its_grace_time_goes_all_the_same(line: Line) -> None:
    """Its key is reaped before there is anything under it; only the file itself stays."""
    document = clean(line)
    run, honest = render(line, document), line.storage.put

    def slow(bucket: Bucket, key: str, pieces: Iterable[bytes], size: int) -> None:
        line.later(seconds=GRACE.total_seconds() + 1)
        line.reaper.reap_due()
        honest(bucket, key, pieces, size)

    line.storage.put = slow  # type: ignore[method-assign]
    with suppress(StorageUnavailable):
        run()
    assert line.document(document.id).renditions == ()
    line.later(seconds=GRACE.total_seconds() + 1)
    line.reaper.reap_due()
    assert line.stored() == [("clean", line.document(document.id).clean_key)]
