"""The contract of turns, on both databases: who waits, and whose job is had, by one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.support.facts import NOW, after, document, job, user
from uploads.documents.model import Job, JobKind, JobState
from uploads.records.leasing import Waiting
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords

OWNERS = ("usr_1", "usr_2", "usr_3")


@pytest.fixture
def queue(records: SqlRecords) -> SqlRecords:
    """Records with a document of each of three users and no job."""

    def prepare(work: Work) -> None:
        for owner in OWNERS:
            work.accounts.add_user(user(owner))
            work.documents.add(document(f"doc_{owner}", owner_id=owner))

    records.write(prepare)
    return records


def add(records: SqlRecords, owner: str, *job_ids: str, **changes: object) -> None:
    made = [job(one, f"doc_{owner}", owner_id=owner, **changes) for one in job_ids]
    records.write(lambda work: [work.jobs.add(one) for one in made])


def waiting(
    records: SqlRecords, at: float = 0, from_: str = "", limit: int = 9
) -> Sequence[Waiting]:
    return records.glance(
        lambda work: work.jobs.owners_waiting(JobKind.INSPECT, after(at), from_, limit)
    )


def lease(records: SqlRecords, owner: str, at: float = 0, until: float = 30) -> str | None:
    leased = records.write(
        lambda work: work.jobs.lease_of(owner, JobKind.INSPECT, after(at), after(until))
    )
    return leased.id if leased else None


def test_each_owner_is_told_with_what_he_has(queue: SqlRecords) -> None:
    assert waiting(queue) == []
    add(queue, "usr_2", "job_1", not_before=after(-3))
    add(queue, "usr_2", "job_2", not_before=after(-5))
    add(queue, "usr_1", "job_3", "job_4", not_before=after(-1))
    assert waiting(queue) == [
        Waiting("usr_1", after(-1), 0, None),
        Waiting("usr_2", after(-5), 0, None),
    ]
    assert lease(queue, "usr_2") == "job_2"
    assert waiting(queue, 1)[1] == Waiting("usr_2", after(-3), 1, NOW)
    assert lease(queue, "usr_2", at=2) == "job_1"
    assert waiting(queue, 3)[1] == Waiting("usr_2", None, 2, after(2))
    # A worker was never heard of again.
    assert waiting(queue, 30)[1] == Waiting("usr_2", after(-5), 0, after(2))


def test_what_is_done_of_another_kind_or_not_due_yet_is_not_waited_for(queue: SqlRecords) -> None:
    add(queue, "usr_1", "job_1", state=JobState.DONE)
    add(queue, "usr_2", "job_2", kind=JobKind.RENDER)
    add(queue, "usr_3", "job_3", not_before=after(9))
    assert waiting(queue) == [Waiting("usr_3", None, 0, None)]
    assert waiting(queue, 9) == [Waiting("usr_3", after(9), 0, None)]
    assert [lease(queue, owner) for owner in OWNERS] == [None] * 3


def test_a_turn_and_a_lease_count_for_their_kind(queue: SqlRecords) -> None:
    add(queue, "usr_1", "job_1", kind=JobKind.RENDER)
    add(queue, "usr_1", "job_2")
    drawn = queue.write(lambda work: work.jobs.lease_of("usr_1", JobKind.RENDER, NOW, after(30)))
    assert drawn is not None
    assert waiting(queue, 1) == [Waiting("usr_1", NOW, 0, None)]


def test_owners_come_by_id_so_many_at_a_time(queue: SqlRecords) -> None:
    for number, owner in enumerate(OWNERS):
        add(queue, owner, *(f"job_{number}{one}" for one in range(5)))
    assert [one.owner_id for one in waiting(queue, limit=2)] == ["usr_1", "usr_2"]
    assert [one.owner_id for one in waiting(queue, from_="usr_2", limit=2)] == ["usr_3"]
    assert waiting(queue, from_="usr_3") == []


def test_an_owners_jobs_are_had_by_how_long_they_could_have_been_begun(queue: SqlRecords) -> None:
    add(queue, "usr_1", "job_1", not_before=after(-1))
    add(queue, "usr_1", "job_2", created_at=after(-9), not_before=after(8))
    add(queue, "usr_1", "job_3", created_at=after(9), not_before=after(-2))
    assert [lease(queue, "usr_1", at) for at in (0, 0, 0, 8, 8)] == [
        *("job_3", "job_1", None),
        *("job_2", None),
    ]


def test_of_many_at_once_each_has_another_job_and_all_are_had(queue: SqlRecords) -> None:
    """Of one owner and of several, whoever comes first."""
    threads, each = 12, 8
    for number, owner in enumerate(OWNERS):
        add(queue, owner, *(f"job_{number}{one}" for one in range(each * 4)))
    start = Barrier(threads)

    def race(mine: int) -> list[str | None]:
        start.wait(timeout=60)
        return [lease(queue, OWNERS[mine % 3]) for _ in range(each + 1)]

    with ThreadPoolExecutor(threads) as pool:
        had = [one for found in pool.map(race, range(threads)) for one in found]
    times = Counter(one for one in had if one is not None)
    assert set(times.values()) == {1}
    assert len(times) == len(OWNERS) * each * 4
    assert [one.leased for one in waiting(queue)] == [each * 4] * 3


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_who_comes_while_a_job_is_being_taken_takes_the_next_one(
    queue: SqlRecords, database_url: str
) -> None:
    """And waits for nobody. SQLite has one writer at a time."""
    add(queue, "usr_1", "job_1", not_before=after(-2))
    add(queue, "usr_1", "job_2", not_before=after(-1))

    def both(work: Work) -> tuple[str | None, Job | None]:
        with create_engine(database_url, poolclass=NullPool).begin() as other:
            other.execute(text("SELECT id FROM jobs WHERE id = 'job_1' FOR UPDATE"))
            had = work.jobs.lease_of("usr_1", JobKind.INSPECT, NOW, after(30))
        return (had.id if had else None), work.jobs.get("job_1")

    had, left = queue.write(both)
    assert had == "job_2"
    assert left is not None
    assert left.token == 0
