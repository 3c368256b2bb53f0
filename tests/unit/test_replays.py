"""A client keeps its signed URL: whatever it puts and whenever, only inspected bytes are served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.granted import DIGEST, complete, give, put, sound, tidy
from tests.support.line import GRACE, TEXT, Line
from uploads.documents.model import Document, State
from uploads.storage.protocol import Bucket
from workers.inspection.engine import Subject

OTHER = TEXT.replace(b"plain", b"evil!")


def served(line: Line, document: Document) -> bytes:
    """What the clean bucket has for a document, whose digest is that of its verdict."""
    found = line.document(document.id)
    assert found.state is State.CLEAN
    assert found.verdict is not None
    with line.storage.open(Bucket.CLEAN, str(found.clean_key)) as pieces:
        content = b"".join(pieces)
    assert hashlib.sha256(content).hexdigest() == found.sha256 == found.verdict.sha256
    return content


def test_other_bytes_before_the_inspection_are_what_is_inspected(line: Line) -> None:
    """Without a promise the client may change its mind: judged and served is what was read."""
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    put(line, grant, OTHER)
    line.runner.run(line.job_of(document))
    assert served(line, document) == OTHER
    assert [one.sha256 for one in line.engine.seen] == [hashlib.sha256(OTHER).hexdigest()]


def test_other_bytes_than_promised_are_never_shown_to_an_engine(line: Line) -> None:
    grant = give(line, expected_sha256=DIGEST)
    put(line, grant)
    document = complete(line, grant)
    put(line, grant, OTHER)
    line.runner.run(line.job_of(document))
    found = line.document(document.id)
    assert found.state is State.REJECTED
    assert found.verdict is not None
    assert found.verdict.reason == "digest-mismatch"
    assert line.engine.seen == []
    assert not [key for bucket, key in line.stored() if bucket == "clean"]


def test_other_bytes_while_it_is_read_are_inspected_as_they_were_read(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first half is of one PUT, the second of another: that very mixture is what counts."""
    grant = give(line)
    put(line, grant)
    document, mixed = complete(line, grant), TEXT[:72] + OTHER[72:]

    @contextmanager
    def torn(bucket: Bucket, key: str) -> Iterator[Iterator[bytes]]:
        monkeypatch.undo()
        assert (bucket, key) == (Bucket.INCOMING, grant.part(1).key)
        yield iter([mixed[:72], mixed[72:]])

    monkeypatch.setattr(line.storage, "open", torn)
    line.runner.run(line.job_of(document))
    assert served(line, document) == mixed


def test_other_bytes_during_the_inspection_change_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = give(line)
    put(line, grant)
    document, inspect = complete(line, grant), line.engine.inspect

    def meanwhile(subject: Subject) -> object:
        put(line, grant, OTHER)
        return inspect(subject)

    monkeypatch.setattr(line.engine, "inspect", meanwhile)
    line.runner.run(line.job_of(document))
    assert served(line, document) == TEXT


def test_other_bytes_after_the_verdict_change_nothing_and_go(line: Line, tmp_path: Path) -> None:
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    line.runner.run(line.job_of(document))
    put(line, grant, OTHER)
    assert served(line, document) == TEXT
    assert complete(line, grant).id == document.id
    line.later(seconds=GRACE.total_seconds() + 1)
    tidy(line)
    assert [bucket for bucket, _ in line.stored()] == ["clean"]
    assert served(line, document) == TEXT
    assert sound(line, tmp_path)


@pytest.mark.parametrize("step", ["s9", "s11", "s14", "s15"])
def test_other_bytes_between_two_starts_are_inspected_anew(line: Line, step: str) -> None:
    """A worker dies in the middle, the object is replaced, another worker begins from the start."""
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    job = line.job_of(document)
    line.crash_once(job, step)
    put(line, grant, OTHER)
    line.runner.run(job)
    # From s15 on the first verdict is committed, and what came later is nobody's.
    assert served(line, document) == (TEXT if step == "s15" else OTHER)


def test_a_longer_object_is_not_read_on(line: Line) -> None:
    """A store that does not check the signed length: the file is lost, and never published."""
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    put(line, grant, TEXT * 1000)
    job = line.job_of(document)
    for _ in range(4):
        line.runner.run(job)
        line.later(minutes=5)
    assert line.state(document) is State.FAILED
    assert line.engine.seen == []


def test_a_document_deleted_before_its_replay_stays_deleted(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    line.library.delete(line.actor, document.id)
    put(line, grant, OTHER)
    assert complete(line, grant).state is State.DELETED
    line.later(seconds=GRACE.total_seconds() + 1)
    tidy(line)
    assert line.stored() == []
