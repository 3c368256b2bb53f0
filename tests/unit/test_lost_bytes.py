"""What a store has lost, or gives otherwise than it was given: never clean, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.crowd import SECONDS, Crowd
from tests.support.line import LEASE, TEXT, Line
from uploads.documents import packs
from uploads.documents.model import Document, State
from uploads.storage.protocol import Bucket


def _try_again_and_again(line: Line, document: Document) -> None:
    job_id = line.job_of(document)
    for _ in range(4):
        line.runner.run(job_id)
        line.later(seconds=LEASE.total_seconds() + 1)


def test_bytes_changed_in_the_store_are_never_clean(line: Line) -> None:
    """It is not the file's fault: it fails, like one whose bytes are lost, and is not shown."""
    document = line.accept(TEXT)
    place, (data, at) = next(iter(line.storage.objects.items()))
    line.storage.objects[place] = (data[:-1] + b"X", at)
    _try_again_and_again(line, document)
    assert (line.state(document), line.engine.seen) == (State.FAILED, [])


def test_a_store_that_gives_other_bytes_once_costs_no_file(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was given is still there: to refuse the file would delete the right bytes."""
    document = line.accept(TEXT)

    @contextmanager
    def lying(*_: object) -> Iterator[Iterator[bytes]]:
        monkeypatch.undo()
        yield iter([TEXT.upper()])

    monkeypatch.setattr(line.storage, "open", lying)
    job_id = line.job_of(document)
    line.runner.run(job_id)
    assert line.state(document) is State.SCANNING
    line.later(seconds=LEASE.total_seconds() + 1)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN
    [(data, _)] = line.storage.objects.values()
    assert data == TEXT


def test_what_has_become_shorter_fails_and_does_not_wait_for_ever(line: Line) -> None:
    """By the store's own word: no later answer will have more."""
    document = line.accept(TEXT)
    place, (data, at) = next(iter(line.storage.objects.items()))
    line.storage.objects[place] = (data[:-1], at)
    _try_again_and_again(line, document)
    assert (line.state(document), line.engine.seen) == (State.FAILED, [])


def test_of_a_shared_object_only_the_files_whose_bytes_are_lost_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_PATIENCE_SECONDS", SECONDS)
    with closing(Crowd(tmp_path)) as crowd:
        *others, last = [one.result(SECONDS) for one in crowd.send()]
        place = Bucket.INCOMING, crowd.store.puts[1]
        data, at = crowd.store.objects[place]
        crowd.store.objects[place] = (data[:-1], at)
        for _ in range(4):
            crowd.line.work_off()
            crowd.line.later(seconds=LEASE.total_seconds() + 1)
        assert {crowd.line.state(document) for document in others} == {State.CLEAN}
        assert crowd.line.state(last) is State.FAILED


def test_an_answer_that_breaks_off_is_waited_for(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: all of it is still there."""
    document = line.accept(TEXT)

    @contextmanager
    def breaking_off(*_: object) -> Iterator[Iterator[bytes]]:
        yield iter([TEXT[:-1]])

    with monkeypatch.context() as broken:
        broken.setattr(line.storage, "open", breaking_off)
        _try_again_and_again(line, document)
        assert line.state(document) is State.QUARANTINED
    line.runner.run(line.job_of(document))
    assert line.state(document) is State.CLEAN
