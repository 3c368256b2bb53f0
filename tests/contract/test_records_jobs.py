"""The contract of `Jobs`, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.support.facts import NOW, after, document, job, user
from uploads.documents.model import Job, JobKind, JobState
from uploads.records.sql import SqlRecords


@pytest.fixture
def queue(records: SqlRecords) -> SqlRecords:
    """Records with two documents and no job."""

    def prepare(work: Any) -> None:
        work.accounts.add_user(user())
        work.documents.add(document("doc_1"))
        work.documents.add(document("doc_2"))

    records.write(prepare)
    return records


def add(records: SqlRecords, *jobs: Job) -> None:
    records.write(lambda work: [work.jobs.add(one) for one in jobs])


def lease(records: SqlRecords, at: float = 0, until: float = 30) -> Job:
    leased = records.write(lambda work: work.jobs.lease("job_1", after(at), after(until)))
    assert leased is not None
    return leased


def kept(records: SqlRecords, job_id: str = "job_1") -> Job:
    found = records.read(lambda work: work.jobs.get(job_id))
    assert found is not None
    return found


def due(records: SqlRecords, at: float = 0, limit: int = 9) -> list[str]:
    return list(records.read(lambda work: work.jobs.due(after(at), limit, JobKind)))


def test_a_job_comes_back_as_it_was_added(queue: SqlRecords) -> None:
    made = job(kind=JobKind.RENDER, lease_until=after(1), token=3, starts=2, deferrals=4, late=1)
    add(queue, made)
    assert kept(queue) == made
    assert queue.read(lambda work: work.jobs.get("job_9")) is None


def test_a_lease_raises_token_and_starts_and_is_exclusive(queue: SqlRecords) -> None:
    add(queue, job())
    leased = lease(queue)
    assert (leased.token, leased.starts, leased.lease_until) == (1, 1, after(30))
    assert kept(queue) == leased
    assert queue.write(lambda work: work.jobs.lease("job_1", after(29), after(60))) is None
    assert due(queue, at=29) == []


def test_a_lease_that_ran_out_can_be_taken_and_the_old_token_holds_nothing(
    queue: SqlRecords,
) -> None:
    add(queue, job())
    old = lease(queue)
    assert due(queue, at=30) == ["job_1"]
    new = lease(queue, at=30, until=60)
    assert (new.token, new.starts) == (2, 2)
    for verb in (
        lambda work: work.jobs.renew(old, after(99)),
        lambda work: work.jobs.finish(old),
        lambda work: work.jobs.fail(old),
        lambda work: work.jobs.defer(old, after(99)),
    ):
        assert not queue.write(verb)
    assert kept(queue) == new


def test_a_job_is_not_leased_before_its_time(queue: SqlRecords) -> None:
    add(queue, job(not_before=after(10)))
    assert queue.write(lambda work: work.jobs.lease("job_1", after(9), after(60))) is None
    assert due(queue, at=9) == []
    assert due(queue, at=10) == ["job_1"]
    assert lease(queue, at=10).token == 1
    assert queue.write(lambda work: work.jobs.lease("job_9", after(10), after(60))) is None


def test_renew_lengthens_the_lease(queue: SqlRecords) -> None:
    add(queue, job())
    leased = lease(queue)
    assert queue.write(lambda work: work.jobs.renew(leased, after(90)))
    assert kept(queue).lease_until == after(90)
    assert due(queue, at=60) == []


@pytest.mark.parametrize(("verb", "state"), [("finish", JobState.DONE), ("fail", JobState.FAILED)])
def test_an_ended_job_stays_ended(queue: SqlRecords, verb: str, state: JobState) -> None:
    add(queue, job())
    leased = lease(queue)
    assert queue.write(lambda work: getattr(work.jobs, verb)(leased))
    assert kept(queue).state is state
    for again in ("finish", "fail"):
        assert not queue.write(lambda work: getattr(work.jobs, again)(leased))  # noqa: B023
    assert not queue.write(lambda work: work.jobs.renew(leased, after(99)))
    assert not queue.write(lambda work: work.jobs.defer(leased, after(99)))
    assert queue.write(lambda work: work.jobs.lease("job_1", after(99), after(199))) is None
    assert due(queue, at=99) == []


def test_defer_hands_the_job_back_and_takes_the_start_back(queue: SqlRecords) -> None:
    add(queue, job())
    leased = lease(queue)
    assert queue.write(lambda work: work.jobs.defer(leased, after(10)))
    back = kept(queue)
    assert (back.starts, back.deferrals, back.lease_until) == (0, 1, None)
    assert back.not_before == after(10)
    assert due(queue, at=9) == []
    assert due(queue, at=10) == ["job_1"]
    assert not queue.write(lambda work: work.jobs.finish(leased)), "it was handed back"


def test_only_what_was_late_is_counted_as_late(queue: SqlRecords) -> None:
    """For the job, whoever had it; and not by who has it no more."""
    add(queue, job())
    for late in (True, False, True):
        leased = lease(queue)
        assert _handed_back(queue, leased, late=late)
    assert (kept(queue).starts, kept(queue).deferrals, kept(queue).late) == (0, 3, 2)
    assert not _handed_back(queue, leased, late=True)
    assert kept(queue).late == 2


def _handed_back(records: SqlRecords, leased: Job, *, late: bool) -> bool:
    return records.write(lambda work: work.jobs.defer(leased, NOW, late=late))


def test_a_job_that_nobody_leased_cannot_be_ended(queue: SqlRecords) -> None:
    made = job()
    add(queue, made)
    assert not queue.write(lambda work: work.jobs.finish(made))
    assert kept(queue) == made


def test_due_is_oldest_first_and_bounded(queue: SqlRecords) -> None:
    add(
        queue,
        job("job_1", created_at=after(-1)),
        job("job_2", created_at=after(-3)),
        job("job_3", created_at=after(-2)),
        job("job_4", state=JobState.DONE),
    )
    assert due(queue) == ["job_2", "job_3", "job_1"]
    assert due(queue, limit=2) == ["job_2", "job_3"]


def test_due_is_of_the_kinds_asked_for(queue: SqlRecords) -> None:
    add(queue, job("job_1"), job("job_2", kind=JobKind.RENDER), job("job_3", kind=JobKind.RESCAN))

    def of(*kinds: JobKind) -> list[str]:
        return sorted(queue.read(lambda work: work.jobs.due(NOW, 9, kinds)))

    assert of(JobKind.INSPECT, JobKind.RELEASE) == ["job_1"]
    assert of(JobKind.RENDER, JobKind.RESCAN) == ["job_2", "job_3"]


def test_cancel_ends_the_due_jobs_of_one_document(queue: SqlRecords) -> None:
    add(
        queue,
        job("job_1"),
        job("job_2"),
        job("job_3", state=JobState.FAILED),
        job("job_4", "doc_2"),
    )
    leased = lease(queue)
    queue.write(lambda work: work.jobs.cancel("doc_1"))
    states = [kept(queue, f"job_{number}").state for number in (1, 2, 3, 4)]
    assert states == [JobState.DONE, JobState.DONE, JobState.FAILED, JobState.DUE]
    assert not queue.write(lambda work: work.jobs.finish(leased))
    assert not queue.write(lambda work: work.jobs.renew(leased, after(99)))


def test_open_jobs_of_a_kind_are_known_leased_or_not(queue: SqlRecords) -> None:
    def since(document_id: str, kind: JobKind) -> Any:
        return queue.read(lambda work: work.jobs.open_since(document_id, kind))

    def count(kind: JobKind) -> int:
        return queue.read(lambda work: work.jobs.open_count(kind))

    add(queue, job())
    assert (since("doc_1", JobKind.INSPECT), count(JobKind.INSPECT)) == (NOW, 1)
    assert (since("doc_1", JobKind.RENDER), count(JobKind.RENDER)) == (None, 0)
    assert since("doc_2", JobKind.INSPECT) is None
    leased = lease(queue)
    assert (since("doc_1", JobKind.INSPECT), count(JobKind.INSPECT)) == (NOW, 1)
    queue.write(lambda work: work.jobs.finish(leased))
    assert (since("doc_1", JobKind.INSPECT), count(JobKind.INSPECT)) == (None, 0)


def test_a_job_is_dropped_by_its_token_alone(queue: SqlRecords) -> None:
    add(queue, job())
    assert not queue.write(lambda work: work.jobs.drop(job()))
    late, leased = lease(queue), lease(queue, at=31, until=60)
    assert not queue.write(lambda work: work.jobs.drop(late))
    assert queue.write(lambda work: work.jobs.drop(leased))
    assert queue.read(lambda work: work.jobs.get("job_1")) is None


def test_backlog_counts_due_jobs_by_kind_and_knows_the_oldest(queue: SqlRecords) -> None:
    def backlog() -> Any:
        return queue.read(lambda work: work.jobs.backlog())

    assert backlog() == {}
    add(
        queue,
        job("job_1", created_at=after(-1), not_before=after(99)),
        job("job_2", created_at=after(-2)),
        job("job_3", created_at=after(-3), state=JobState.DONE),
        job("job_4", kind=JobKind.RENDER, created_at=after(-4)),
    )
    assert backlog() == {JobKind.INSPECT: (2, after(-2)), JobKind.RENDER: (1, after(-4))}


def test_stalled_are_the_oldest_that_are_not_done_whose_and_how_often_put_off(
    queue: SqlRecords,
) -> None:
    def stalled(before: float = 0, limit: int = 9, besides: str | None = None) -> Any:
        return queue.read(
            lambda work: work.jobs.stalled(JobKind.INSPECT, after(before), limit, besides)
        )

    assert stalled() == []
    add(
        queue,
        job("job_1", owner_id="usr_2", created_at=after(-1), not_before=after(99), deferrals=7),
        job("job_2", created_at=after(-2), lease_until=after(99)),
        job("job_3", created_at=after(-3), deferrals=3, state=JobState.DONE),
        job("job_4", created_at=after(-4), deferrals=4, kind=JobKind.RENDER),
        job("job_5", created_at=after(0), deferrals=5),
    )
    two, one, five = ("usr_1", 0), ("usr_2", 7), ("usr_1", 5)
    assert (stalled(), stalled(limit=1), stalled(-1), stalled(-2)) == ([two, one], [two], [two], [])
    assert stalled(1) == [two, one, five]
    assert stalled(1, besides="usr_1") == [one]


def test_who_waits_for_a_worker_is_neither_deferred_nor_leased(queue: SqlRecords) -> None:
    def waiting(at: float = 0) -> Any:
        return queue.read(lambda work: work.jobs.waiting(after(at)))

    assert waiting() == {}
    old = after(-500)
    add(
        queue,
        job("job_1", created_at=old, not_before=after(99)),
        job("job_2", created_at=old, not_before=after(-2)),
        job("job_3", created_at=old, not_before=after(-3), state=JobState.DONE),
        job("job_4", created_at=old, not_before=after(-1)),
        job("job_5", kind=JobKind.RENDER, created_at=old, not_before=after(-4)),
    )
    assert waiting() == {JobKind.INSPECT: after(-2), JobKind.RENDER: after(-4)}
    queue.write(lambda work: work.jobs.lease("job_2", after(0), after(30)))
    assert waiting() == {JobKind.INSPECT: after(-1), JobKind.RENDER: after(-4)}
    # Its worker was never heard of again: it waits from then on, not from its beginning.
    queue.write(lambda work: work.jobs.lease("job_4", after(0), after(30)))
    assert waiting(40) == {JobKind.INSPECT: after(30), JobKind.RENDER: after(-4)}


def test_of_twenty_threads_exactly_one_gets_the_lease(queue: SqlRecords) -> None:
    """Twenty times over, all at the same moment."""
    threads, rounds = 20, 20
    add(queue, *(job(f"job_{number}") for number in range(rounds)))
    start = Barrier(threads)

    def race() -> list[Job | None]:
        got = []
        for number in range(rounds):
            start.wait(timeout=60)
            got.append(
                queue.write(lambda work: work.jobs.lease(f"job_{number}", NOW, after(30)))  # noqa: B023
            )
        return got

    with ThreadPoolExecutor(threads) as pool:
        results = [future.result() for future in [pool.submit(race) for _ in range(threads)]]
    winners = [
        [one for one in attempt if one is not None] for attempt in zip(*results, strict=True)
    ]
    assert [len(won) for won in winners] == [1] * rounds
    assert all(won[0].token == 1 for won in winners)
