"""The contract of `Grants`, on both databases: counted while open, ended once, found by key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from tests.support.facts import NOW, document
from uploads.documents.errors import QuotaExceeded
from uploads.documents.grants import Grant, GrantMethod, GrantState
from uploads.documents.model import Usage
from uploads.documents.quotas import Quotas
from uploads.records.sql import SqlRecords

AT_ONCE = 20


def grant(grant_id: str = "upl_1", size: int = 100) -> Grant:
    return Grant(
        id=grant_id,
        owner_id="usr_1",
        name="Film.mp4",
        size=size,
        declared_type="video/mp4",
        type="video/mp4",
        sha256="ab" * 32,
        method=GrantMethod.MULTIPART,
        part_size=40,
        state=GrantState.OPEN,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


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
