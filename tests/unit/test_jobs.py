"""Leases, starts, deferrals, fencing: what a job survives."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.support.line import LEASE, TEXT, Line
from uploads.documents.model import Document, JobState, Outcome, State
from uploads.storage.protocol import Bucket
from workers.inspection.engine import Subject


def test_a_clean_file_is_published_and_its_segments_are_gone(line: Line) -> None:
    document = line.accept(*[TEXT] * 40)
    line.runner.run(line.job_of(document))
    found = line.document(document.id)
    assert found.state is State.CLEAN
    assert found.clean_key is not None
    assert line.storage.objects[Bucket.CLEAN, found.clean_key][0] == TEXT * 40
    assert [bucket for bucket, _ in line.stored()] == ["clean"]


@pytest.mark.parametrize(
    ("outcome", "reason", "state"),
    [
        (Outcome.INFECTED, None, State.INFECTED),
        (Outcome.UNSCANNABLE, "encrypted", State.UNSCANNABLE),
        (Outcome.UNSCANNABLE, "bomb", State.REJECTED),
    ],
)
def test_a_refused_file_goes_to_quarantine_and_leaves_it_when_its_time_is_over(
    line: Line, outcome: Outcome, reason: str | None, state: State
) -> None:
    line.engine.outcome, line.engine.reason = outcome, reason
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    assert line.state(document) is state
    assert [bucket for bucket, _ in line.stored()] == ["quarantine"]
    line.later(days=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_a_message_that_comes_three_times_does_the_work_once(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(3):
        line.runner.run(job_id)
    assert len(line.engine.seen) == 1


def test_a_silent_engine_defers_without_end_and_never_fails_or_cleans(line: Line) -> None:
    line.engine.silent = True
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(20):
        line.runner.run(job_id)
        assert line.state(document) is State.QUARANTINED
        waits = line.job(job_id).not_before - line.now
        assert timedelta(0) < waits <= timedelta(seconds=60)
        line.later(seconds=61)
    assert line.job(job_id).starts == 0
    assert line.job(job_id).deferrals == 20
    line.engine.silent = False
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_deferred_job_is_not_run_before_its_time(line: Line) -> None:
    line.engine.silent = True
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    line.runner.run(job_id)
    line.engine.silent = False
    line.runner.run(job_id)
    assert len(line.engine.seen) == 1


def test_a_store_that_is_away_defers(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    line.storage.broken = True
    line.runner.run(job_id)
    assert line.state(document) is State.QUARANTINED
    assert line.job(job_id).deferrals == 1


@pytest.mark.parametrize("step", ["s8", "s9", "s11", "s12", "s13", "s14"])
def test_a_crash_before_the_verdict_is_repeated_and_leaves_nothing(line: Line, step: str) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    line.crash_once(job_id, step)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN
    line.later(minutes=31)
    line.reaper.reap_due()
    assert len(line.stored()) == 1


@pytest.mark.parametrize("step", ["s15", "s16"])
def test_a_crash_after_the_verdict_loses_only_time(line: Line, step: str) -> None:
    document = line.accept(TEXT)
    line.crash_once(line.job_of(document), step)
    assert line.state(document) is State.CLEAN
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["clean"]


def test_a_file_that_kills_three_workers_fails_and_its_bytes_go(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(3):
        line.crash_once(job_id, "s9")
    line.runner.run(job_id)
    assert line.state(document) is State.FAILED
    assert line.job(job_id).state is JobState.FAILED
    line.later(days=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_a_worker_that_lost_its_lease_changes_nothing(line: Line) -> None:
    """SIGSTOP past the lease, SIGCONT: the late verdict is fenced off by the token."""
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.engine.inspect
    late: list[Document] = []

    def stopped(subject: Subject) -> object:
        line.engine.inspect = honest  # type: ignore[method-assign]
        line.later(seconds=LEASE.total_seconds() + 1)
        line.runner.run(job_id)  # another worker takes over and concludes
        late.append(line.document(document.id))
        return honest(subject)

    line.engine.inspect = stopped  # type: ignore[method-assign,assignment]
    line.runner.run(job_id)
    assert late[0].state is State.CLEAN
    assert line.document(document.id).clean_key == late[0].clean_key
    line.later(minutes=31)
    line.reaper.reap_due()
    assert len(line.stored()) == 1


def test_a_worker_that_lost_its_lease_publishes_nothing_while_another_is_at_work(
    line: Line,
) -> None:
    """The state alone does not tell the two apart; the token does."""
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.engine.inspect

    def stopped(subject: Subject) -> object:
        line.later(seconds=LEASE.total_seconds() + 1)
        assert line.records.write(lambda work: work.jobs.lease(job_id, line.now, line.now + LEASE))
        return honest(subject)

    line.engine.inspect = stopped  # type: ignore[method-assign,assignment]
    line.runner.run(job_id)
    assert line.state(document) is State.SCANNING
    assert line.document(document.id).verdict is None
    line.engine.inspect = honest  # type: ignore[method-assign]
    line.later(seconds=LEASE.total_seconds() + 1)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_file_that_changes_after_its_inspection_is_not_published(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.engine.inspect

    def meddled(subject: Subject) -> object:
        report = honest(subject)
        subject.path.write_bytes(subject.path.read_bytes().upper())
        return report

    line.engine.inspect = meddled  # type: ignore[method-assign,assignment]
    line.runner.run(job_id)
    assert line.state(document) is State.QUARANTINED
    line.engine.inspect = honest  # type: ignore[method-assign]
    line.later(minutes=31)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN
    line.reaper.reap_due()
    assert [data for data, _ in line.storage.objects.values()] == [TEXT]


def test_bytes_that_are_being_deleted_are_never_published(line: Line) -> None:
    """A publisher slower than the grace time: the reaper wins, and the work is done again."""
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    honest = line.storage.put

    def slowly(*args: object) -> None:
        honest(*args)  # type: ignore[arg-type]
        line.storage.put = honest  # type: ignore[method-assign]
        line.later(minutes=31)
        line.reaper.reap_due()

    line.storage.put = slowly  # type: ignore[method-assign,assignment]
    line.runner.run(job_id)
    assert line.state(document) is State.QUARANTINED
    line.later(minutes=1)
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN
    assert len(line.stored()) == 1


def test_deleting_while_it_is_inspected_wins(line: Line) -> None:
    document = line.accept(TEXT)
    honest = line.engine.inspect

    def meanwhile(subject: Subject) -> object:
        line.library.delete(line.actor, document.id)
        return honest(subject)

    line.engine.inspect = meanwhile  # type: ignore[method-assign,assignment]
    line.runner.run(line.job_of(document))
    assert line.state(document) is State.DELETED
    line.later(minutes=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_two_workers_at_once_conclude_once(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    together = threading.Barrier(4)

    def run() -> None:
        together.wait()
        line.runner.run(job_id)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(line.engine.seen) == 1
    assert line.state(document) is State.CLEAN


def test_the_scratch_file_is_gone_whatever_happened(line: Line, tmp_path: object) -> None:
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    assert list(line.scratch._root.glob("*")) == []
    assert not line.engine.seen[0].path.exists()
