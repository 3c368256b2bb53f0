"""What is not the file's fault is deferred; what the store has lost fails in the end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.line import GRACE, LEASE, TEXT, Line
from tests.support.waiting import eventually
from uploads.documents.errors import StorageFull, StorageUnavailable
from uploads.documents.model import EngineReport, JobKind, Outcome, State
from uploads.records.protocol import Leftover
from uploads.storage.protocol import Bucket
from workers.inspection.engine import Subject
from workers.jobs import Patience, Runner
from workers.places import Places
from workers.retention import Reaper
from workers.sandbox.parent import CellKilled
from workers.scratch import within
from workers.signs import Stopping


def test_a_store_that_is_full_defers(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.storage.put

    def full(*_: object) -> None:
        raise StorageFull

    line.storage.put = full  # type: ignore[method-assign,assignment]
    for _ in range(5):
        line.runner.run(job_id)
        line.later(seconds=61)
    assert line.state(document) is State.QUARANTINED
    line.storage.put = honest  # type: ignore[method-assign]
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_disk_of_the_database_that_is_full_burns_no_start(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is handed back as soon as there is room for that, and goes on then."""
    document = line.accept(TEXT)
    job_id, write, store = line.job_of(document), line.records.write, line.storage.open
    full: list[float] = []

    def written(unit: Any) -> Any:
        if full:
            raise StorageFull("the database's disk is full")
        return write(unit)

    def opened(bucket: Bucket, key: str) -> Any:
        full.append(1)
        return store(bucket, key)

    monkeypatch.setattr(line.records, "write", written)
    monkeypatch.setattr(line.storage, "open", opened)
    monkeypatch.setattr("workers.jobs.time.sleep", lambda _: full.clear())
    line.runner.run(job_id)
    assert (line.state(document), line.job(job_id).starts) == (State.QUARANTINED, 0)
    monkeypatch.undo()
    line.later(seconds=61)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_scratch_folder_that_cannot_be_written_defers(line: Line, tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("a file where the folder should be")
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(5):
        line.runner.run(job_id)
        line.later(seconds=61)
    assert line.state(document) is State.QUARANTINED
    assert line.job(job_id).deferrals == 5


def test_a_transfer_that_trickles_ends_with_a_word() -> None:
    with pytest.raises(StorageUnavailable):
        list(within(iter([b"a", b"b"]), -1.0))
    assert list(within(iter([b"a", b"b"]), 60.0)) == [b"a", b"b"]


def test_a_document_whose_bytes_the_store_has_lost_fails_in_the_end(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    line.storage.objects.clear()
    for _ in range(4):
        line.runner.run(job_id)
        line.later(seconds=LEASE.total_seconds() + 1)
    assert line.state(document) is State.FAILED


def test_a_cell_that_is_killed_is_tried_again_and_fails_in_the_end(line: Line) -> None:
    """The kernel, short of memory, says nothing about a file; but the file may be the reason."""
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.engine.inspect

    def killed(_: object) -> EngineReport:
        raise CellKilled("staged")

    line.engine.inspect = killed  # type: ignore[method-assign]
    for expected in (1, 2):
        line.runner.run(job_id)
        assert line.job(job_id).starts == expected
        line.later(seconds=LEASE.total_seconds() + 1)
    line.engine.inspect = honest  # type: ignore[method-assign]
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_work_that_outlives_a_stop_is_handed_back_and_its_start_does_not_count(line: Line) -> None:
    stop_asked: list[bool] = []
    runner = Runner(
        records=line.records,
        clock=line.clock,
        handlers={JobKind.INSPECT: line._inspector()},
        patience=Patience(LEASE, timedelta(seconds=60), 3, timedelta(days=30)),
        places=Places(1),
        hints=line.hints,
        ending=lambda: bool(stop_asked),
    )
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.engine.inspect

    def slow(subject: Subject) -> EngineReport:
        stop_asked.append(True)
        eventually(lambda: line.job(job_id).lease_until is None, 60)
        return honest(subject)

    line.engine.inspect = slow  # type: ignore[method-assign]
    runner.run(job_id)
    assert line.state(document) is State.QUARANTINED, "its own verdict comes too late"
    assert (line.job(job_id).starts, line.job(job_id).not_before) == (0, line.now)
    line.engine.inspect = honest  # type: ignore[method-assign]
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_stop_is_known_across_a_fork() -> None:
    stopping = Stopping()
    assert stopping.since() is None
    child = os.fork()
    if child == 0:
        stopping.ask()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    first = stopping.since()
    assert first is not None
    stopping.ask()
    assert (stopping.since() or 0.0) >= first, "the first time counts"


def test_a_failed_documents_bytes_are_kept_for_the_desk(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(3):
        line.crash_once(job_id, "s9")
    line.runner.run(job_id)
    assert line.state(document) is State.FAILED
    line.later(hours=2)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["incoming"]


def test_one_object_that_cannot_be_deleted_does_not_keep_the_others(line: Line) -> None:
    for number in range(3):
        key = f"k/{number}"
        line.storage.put(Bucket.CLEAN, key, [b"x"], 1)
        line.records.write(
            lambda work, key=key: work.leftovers.add(Leftover(Bucket.CLEAN, key, line.now))  # type: ignore[misc]
        )
    honest = line.storage.delete

    def stubborn(bucket: Bucket, key: str) -> None:
        if key == "k/0":
            raise StorageUnavailable("staged")
        honest(bucket, key)

    line.storage.delete = stubborn  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        line.reaper.reap_due()
    assert [key for _, key in line.stored()] == ["k/0"]


def test_very_much_that_is_to_go_leaves_a_worker_time_for_other_work(line: Line) -> None:
    """Each sweep deletes for seconds and no longer, however slow the store is; the next goes on."""
    keys = [f"k/{number:03d}" for number in range(300)]
    for key in keys:
        line.storage.put(Bucket.CLEAN, key, [b"x"], 1)
    line.records.write(
        lambda work: [work.leftovers.add(Leftover(Bucket.CLEAN, key, line.now)) for key in keys]
    )
    honest, ticks = line.storage.delete, [0.0]

    def slow(bucket: Bucket, key: str) -> None:
        ticks[0] += 0.05
        honest(bucket, key)

    line.storage.delete = slow  # type: ignore[method-assign]
    reaper = Reaper(
        records=line.records,
        storage=line.storage,
        clock=line.clock,
        grace=GRACE,
        ticks=lambda: ticks[0],
    )
    while line.stored():
        before = ticks[0]
        assert reaper.reap_due() > 0
        assert ticks[0] - before < 4
    assert ticks[0] > 12, "it took several of them"
    assert list(line.records.read(lambda work: list(work.leftovers.all()))) == []


@pytest.mark.parametrize("word", [Outcome.CLEAN, Outcome.INFECTED])
def test_an_object_that_comes_after_its_grace_time_goes_all_the_same(
    line: Line, word: Outcome
) -> None:
    """The store takes so long that the key is reaped before there is anything under it."""
    line.engine.outcome = word
    document = line.accept(TEXT)
    job_id, honest = line.job_of(document), line.storage.put

    def slow(bucket: Bucket, key: str, pieces: Iterable[bytes], size: int) -> None:
        line.later(seconds=GRACE.total_seconds() + 1)
        line.reaper.reap_due()
        honest(bucket, key, pieces, size)

    line.storage.put = slow  # type: ignore[method-assign]
    line.runner.run(job_id)
    assert line.state(document) not in {State.CLEAN, State.INFECTED}
    assert len(line.stored()) == 2
    line.storage.put = honest  # type: ignore[method-assign]
    line.later(seconds=GRACE.total_seconds() + 1)
    line.runner.run(job_id)
    line.reaper.reap_due()
    assert line.state(document) is (State.CLEAN if word is Outcome.CLEAN else State.INFECTED)
    assert len(line.stored()) == 1
