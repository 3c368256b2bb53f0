"""The contract of `Grants`, on both databases: counted while open, ended once, found by key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from tests.support.facts import NOW, document, grant, job
from uploads.documents.errors import Conflict, QuotaExceeded
from uploads.documents.grants import Grant, GrantState
from uploads.documents.model import Usage
from uploads.documents.quotas import Quotas
from uploads.documents.showing import facts_of
from uploads.records.sql import SqlRecords

AT_ONCE = 20


def add(records: SqlRecords, *grants: Grant) -> None:
    for one in grants:
        records.write(lambda work: work.grants.add(one))  # noqa: B023


def end(records: SqlRecords, grant_id: str, state: GrantState = GrantState.ABORTED) -> bool:
    return records.write(lambda work: work.grants.end(grant_id, state))


def used(records: SqlRecords) -> Usage:
    assert records.read(lambda work: work.usages.drifted()) == []
    return records.read(lambda work: work.usages.of("usr_1"))


def test_what_was_added_comes_back_to_its_owner_alone(owned: SqlRecords) -> None:
    add(owned, grant())
    assert owned.read(lambda work: work.grants.get("usr_1", "upl_1")) == grant()
    assert owned.read(lambda work: work.grants.get("usr_2", "upl_1")) is None
    for unknown in ("upl_9", "", "a\x00b", "\ud800"):
        assert owned.read(lambda work: work.grants.get("usr_1", unknown)) is None  # noqa: B023


def test_an_open_grant_counts_beside_documents(owned: SqlRecords) -> None:
    owned.write(lambda work: work.documents.add(document(size=100)))
    assert owned.write(lambda work: work.grants.add(grant())) == Usage(200, 2)
    add(owned, grant("upl_2"))
    assert used(owned) == Usage(300, 3)
    assert end(owned, "upl_1")
    assert not end(owned, "upl_1", GrantState.COMPLETED)
    assert used(owned) == Usage(200, 2)
    found = owned.read(lambda work: work.grants.get("usr_1", "upl_1"))
    assert found is not None
    assert found.state is GrantState.ABORTED


def test_a_grant_is_added_where_there_is_room_and_nothing_where_not(owned: SqlRecords) -> None:
    def added(number: int, most_bytes: int = 0, most_files: int = 0, size: int = 100) -> bool:
        made = grant(f"upl_{number}", size)
        return owned.write_one(lambda work: work.grants.add_within(made, most_bytes, most_files))

    assert not added(1), "of whom nothing is known"
    add(owned, grant())
    assert [added(2, 199), added(2, 0, 1), added(2, 200, 2)] == [False, False, True]
    assert used(owned) == Usage(200, 2)
    owned.write(lambda work: work.usages.set_limits("usr_1", 300, 3))
    assert [added(3, 999, 9, 101), added(3, 1, 1), added(4, 999, 9)] == [False, True, False]
    owned.write(lambda work: work.usages.set_limits("usr_1", 0, 0))
    assert added(4, 1, 1)
    assert used(owned) == Usage(400, 4, 0, 0)
    found = owned.glance(lambda work: work.grants.get("usr_1", "upl_2"))
    assert found == grant("upl_2")
    with pytest.raises(Conflict):
        added(4)
    assert used(owned) == Usage(400, 4, 0, 0)


def test_a_document_takes_its_grants_place(owned: SqlRecords) -> None:
    """With every part as a segment, its event and its job; once."""
    add(owned, grant(size=100))
    made = document("doc_1", size=100, sha256=None, promised_sha256="ab" * 32)
    due = job(document_id="doc_1")

    def completed() -> bool:
        return owned.write_one(lambda work: work.grants.complete(grant(size=100), made, due))

    assert [completed(), completed()] == [True, False]
    assert used(owned) == Usage(100, 1)
    assert owned.read(lambda work: work.documents.find("doc_1")) == made
    assert owned.read(lambda work: work.jobs.get("job_1")) == due
    found = owned.read(lambda work: work.documents.segments("doc_1"))
    assert list(found) == [part for _, part in grant(size=100).parts()]
    [event] = owned.read(lambda work: work.events.after("usr_1", 0, 9))
    assert (event.number, event.document_id, event.at) == (1, "doc_1", made.updated_at)
    assert event.facts == facts_of(made)
    state = owned.read(lambda work: work.grants.get("usr_1", "upl_1"))
    assert state is not None
    assert state.state is GrantState.COMPLETED


def test_nothing_becomes_of_a_grant_that_was_ended(owned: SqlRecords) -> None:
    add(owned, grant())
    end(owned, "upl_1")
    made, due = document("doc_1"), job(document_id="doc_1")
    assert not owned.write_one(lambda work: work.grants.complete(grant(), made, due))
    assert owned.read(lambda work: work.documents.find("doc_1")) is None
    assert owned.read(lambda work: work.events.after("usr_1", 0, 9)) == []
    assert owned.read(lambda work: work.jobs.get("job_1")) is None
    assert used(owned) == Usage(0, 0)


def test_a_completion_that_fails_leaves_its_grant_open(owned: SqlRecords) -> None:
    owned.write(lambda work: work.documents.add(document("doc_1", size=1)))
    add(owned, grant())
    made, due = document("doc_1"), job(document_id="doc_1")
    with pytest.raises(Conflict):
        owned.write_one(lambda work: work.grants.complete(grant(), made, due))
    assert used(owned) == Usage(101, 2)


def test_of_fifty_that_want_the_last_place_one_gets_it(owned: SqlRecords) -> None:
    add(owned, grant("upl_first"))
    quotas = Quotas(records=owned, clock=lambda: NOW, bytes_limit=0, files_limit=2)
    start = Barrier(50)

    def ask(number: int) -> bool:
        start.wait(timeout=60)
        try:
            quotas.add(grant(f"upl_{number}"))
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(ask, range(50))) == 1
    assert used(owned) == Usage(200, 2)


def test_of_many_that_complete_a_grant_one_is_told_so(owned: SqlRecords) -> None:
    add(owned, grant())
    start = Barrier(AT_ONCE)

    def race(number: int) -> bool:
        start.wait(timeout=60)
        made, due = document("doc_1", size=100), job(f"job_{number}")
        return owned.write_one(lambda work: work.grants.complete(grant(), made, due))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(race, range(AT_ONCE))) == 1
    assert used(owned) == Usage(100, 1)
    assert len(owned.read(lambda work: work.events.after("usr_1", 0, 9))) == 1


def test_of_many_that_end_a_grant_one_is_told_so(owned: SqlRecords) -> None:
    add(owned, grant())
    start = Barrier(AT_ONCE)

    def race(number: int) -> bool:
        start.wait(timeout=60)
        return end(owned, "upl_1", list(GrantState)[1 + number % 3])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sorted(pool.map(race, range(AT_ONCE)))[-2:] == [False, True]
    assert used(owned) == Usage(0, 0)


def test_grants_and_documents_at_once_never_pass_the_quota_together(owned: SqlRecords) -> None:
    quotas = Quotas(records=owned, clock=lambda: NOW, bytes_limit=1000, files_limit=0)
    start = Barrier(AT_ONCE)

    def ask(number: int) -> bool:
        start.wait(timeout=60)
        made, file = grant(f"upl_{number}"), document(f"doc_{number}", size=100)
        try:
            owned.write(
                lambda work: quotas.admit(
                    work.documents.add(file) if number % 2 else work.grants.add(made), 100
                )
            )
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(ask, range(AT_ONCE))) == 10
    assert used(owned) == Usage(1000, 10)


@pytest.mark.parametrize(
    ("key", "known"), [("1/00001", True), ("1/00003", True), ("1/00004", False), ("2/00001", False)]
)
def test_only_an_open_grant_names_its_keys(owned: SqlRecords, key: str, known: bool) -> None:
    add(owned, grant())
    assert owned.read(lambda work: work.grants.names(key)) is known
    end(owned, "upl_1")
    assert not owned.read(lambda work: work.grants.names(key))


def test_overdue_are_open_ones_whose_time_is_up_oldest_first(owned: SqlRecords) -> None:
    later = replace(grant("upl_2"), expires_at=NOW + timedelta(days=2))
    ended = replace(grant("upl_3"), expires_at=NOW)
    add(owned, later, grant(), ended)
    end(owned, "upl_3")

    def overdue(days: int, limit: int = 9) -> list[str]:
        at = NOW + timedelta(days=days)
        return [one.id for one in owned.read(lambda work: work.grants.overdue(at, limit))]

    assert (overdue(0), overdue(1), overdue(2), overdue(2, 1)) == (
        [],
        ["upl_1"],
        ["upl_1", "upl_2"],
        ["upl_1"],
    )


def test_only_ended_grants_are_forgotten(owned: SqlRecords) -> None:
    add(owned, grant(), grant("upl_2"))
    end(owned, "upl_1", GrantState.COMPLETED)
    assert owned.write(lambda work: work.grants.remove_ended(NOW + timedelta(days=1))) == 0
    assert owned.write(lambda work: work.grants.remove_ended(NOW + timedelta(days=2))) == 1
    assert owned.read(lambda work: work.grants.get("usr_1", "upl_1")) is None
    assert used(owned) == Usage(100, 1)


def test_a_promised_digest_is_kept_apart_from_the_one_that_was_read(owned: SqlRecords) -> None:
    made = document(sha256=None, promised_sha256="cd" * 32)
    owned.write(lambda work: work.documents.add(made))
    assert owned.read(lambda work: work.documents.find("doc_1")) == made
