"""Documents that end while something else is done with them, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.line import ALWAYS, TEXT, Line
from tests.support.meanwhile import Between, assert_nothing_is_left, clean
from uploads.documents.model import Document, State
from uploads.records.documents import SqlDocuments
from uploads.records.protocol import Leftover, Work
from uploads.storage.protocol import Bucket
from workers.expiring import _expire_some


@pytest.fixture
def line(tmp_path: Path, database_url: str) -> Iterator[Line]:
    made = Line(tmp_path, database_url=database_url)
    yield made
    made.records.close()


def struck(line: Line) -> Document:
    """Found infected late, and due to go: out of service, its bytes still in the clean bucket."""
    document, ends = clean(line), {"expires_at": line.now}

    def unit(work: Work) -> None:
        work.documents.move(document.id, {State.CLEAN}, State.INFECTED, line.now, **ends)

    line.records.write(unit)
    return line.document(document.id)


def bytes_follow(line: Line, document: Document) -> Callable[[], None]:
    """The last step of a late hit: they are in quarantine, for the time that refused ones have."""
    kept = Leftover(Bucket.QUARANTINE, "moved/one", line.now + ALWAYS)
    line.storage.put(kept.bucket, kept.key, [TEXT], len(TEXT))
    keys = {"clean_key": None, "quarantine_key": kept.key}
    assert document.clean_key is not None
    gone = Leftover(Bucket.CLEAN, document.clean_key, line.now)

    def unit(work: Work) -> None:
        if work.documents.change(document.id, State.INFECTED, keys):
            work.leftovers.add(kept)
        else:
            work.leftovers.add(replace(kept, due_at=line.now))
        work.leftovers.add(gone)

    return lambda: line.records.write(unit)


@pytest.mark.parametrize("way", ["deleted", "expired"])
def test_bytes_that_move_to_quarantine_while_their_document_ends_go_with_it(
    line: Line, between: Between, way: str
) -> None:
    """Its state stays the same meanwhile: what is announced must be what it has by then."""
    document = struck(line)
    follow = bytes_follow(line, document)
    if way == "deleted":
        moved = between(SqlDocuments, "get", follow)
        line.library.delete(line.actor, document.id)
    else:
        moved = between(SqlDocuments, "overdue", follow)
        line.records.write(lambda work: _expire_some(work, line.now))
        moved.result()
        line.expirer.expire_due()
    moved.result()
    assert line.state(document).value == way
    assert_nothing_is_left(line)


def test_a_document_whose_end_is_put_off_while_it_is_read_does_not_end(
    line: Line, between: Between
) -> None:
    document = clean(line)

    def ends(at: datetime | None) -> bool:
        changes = {"expires_at": at}
        return line.records.write(
            lambda work: work.documents.change(document.id, State.CLEAN, changes)
        )

    assert ends(line.now)
    put_off = between(SqlDocuments, "overdue", lambda: ends(None))
    line.records.write(lambda work: _expire_some(work, line.now))
    expected = State.CLEAN if put_off.result() else State.EXPIRED
    assert line.state(document) is expected
