"""The contract of `Usages`: what counts against a quota is what is there, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from alembic import command
from sqlalchemy import Connection, NullPool, create_engine, text

from tests.support.facts import NOW, document
from uploads.documents.errors import QuotaExceeded
from uploads.documents.model import Document, State, Usage
from uploads.documents.quotas import Quotas
from uploads.records import migrate
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords

UPLOADS = 50


def used(records: SqlRecords, user_id: str = "usr_1") -> Usage:
    """What is counted; fails where that is not the sum of the rows."""
    assert records.read(lambda work: work.usages.drifted()) == []
    return records.read(lambda work: work.usages.of(user_id))


def quotas(records: SqlRecords, *, size: int = 0, files: int = 0) -> Quotas:
    return Quotas(records=records, clock=lambda: NOW, bytes_limit=size, files_limit=files)


def test_a_document_counts_for_its_owner_until_it_is_gone(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add("doc_1", size=5)
    add("doc_2", size=7, state=State.INFECTED)
    add("doc_3", size=9, owner_id="usr_2")
    assert used(owned) == Usage(12, 2)
    assert used(owned, "usr_2") == Usage(9, 1)
    owned.write(lambda w: w.documents.move("doc_2", {State.INFECTED}, State.EXPIRED, NOW))
    assert used(owned) == Usage(5, 1)
    owned.write(lambda w: w.documents.move("doc_2", {State.EXPIRED}, State.DELETED, NOW))
    owned.write(lambda w: w.documents.remove("doc_2"))
    assert used(owned) == Usage(5, 1)
    for _ in range(2):
        owned.write(lambda w: w.documents.remove("doc_1"))
    assert used(owned) == Usage(0, 0)


def test_adding_and_growing_tell_what_is_used_from_now_on(owned: SqlRecords) -> None:
    made = document(size=5, state=State.RECEIVING)
    assert owned.write(lambda w: w.documents.add(made)) == Usage(5, 1)
    assert owned.write(lambda w: w.documents.grow("doc_1", 9, NOW)) == Usage(9, 1)
    assert owned.write(lambda w: w.documents.grow("doc_1", 8, NOW)) == Usage(9, 1)
    assert used(owned) == Usage(9, 1)


def test_what_is_no_longer_received_does_not_grow(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add(size=5, state=State.DELETED)
    assert owned.write(lambda w: w.documents.grow("doc_1", 9, NOW)) is None
    assert owned.write(lambda w: w.documents.grow("doc_9", 9, NOW)) is None
    assert used(owned) == Usage(0, 0)


@pytest.mark.parametrize("size", [3, 5, 8])
def test_a_size_that_changes_on_the_way_is_counted(
    owned: SqlRecords, add: Callable[..., Document], size: int
) -> None:
    add(size=5, state=State.RECEIVING)
    states = ({State.RECEIVING}, State.QUARANTINED)
    assert owned.write(lambda w: w.documents.move("doc_1", *states, NOW, size=size))
    assert not owned.write(lambda w: w.documents.move("doc_1", *states, NOW, size=99))
    assert used(owned) == Usage(size, 1)


def test_a_rolled_back_unit_counts_for_nothing(owned: SqlRecords) -> None:
    def fails(work: Work) -> None:
        work.documents.add(document())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        owned.write(fails)
    assert used(owned) == Usage(0, 0)


def test_own_limits_are_kept_whether_or_not_anything_is(owned: SqlRecords) -> None:
    owned.write(lambda w: w.usages.set_limits("usr_1", 10, None))
    owned.write(lambda w: w.documents.add(document(size=4)))
    assert used(owned) == Usage(4, 1, 10, None)
    owned.write(lambda w: w.usages.set_limits("usr_1", None, 0))
    assert used(owned) == Usage(4, 1, None, 0)


@pytest.mark.parametrize("damage", ["bytes_used = bytes_used + 1", "files_used = files_used - 1"])
def test_drift_is_seen(
    owned: SqlRecords, add: Callable[..., Document], database_url: str, damage: str
) -> None:
    """A check that cannot fail is none."""
    add()
    with create_engine(database_url, poolclass=NullPool).begin() as connection:
        connection.execute(text(f"UPDATE usage SET {damage}"))
    assert owned.read(lambda work: work.usages.drifted()) == ["usr_1"]


@pytest.mark.parametrize("limits", [{"files": 3}, {"size": 30}])
def test_of_fifty_at_once_exactly_one_is_let_in(owned: SqlRecords, limits: dict[str, int]) -> None:
    """Two files are there and three may be; all fifty saw that there was room."""
    rules, start = quotas(owned, **limits), Barrier(UPLOADS)
    (most,) = limits.values()
    for number in (1, 2):
        owned.write(lambda w: w.documents.add(document(f"doc_{number}", size=10)))  # noqa: B023

    def upload(number: int) -> object:
        rules.foresee("usr_1", 10)
        start.wait(timeout=60)
        made = document(f"doc_of_{number}", size=10)
        try:
            owned.write(lambda work: rules.admit(work.documents.add(made), made.size))
        except QuotaExceeded as refusal:
            return refusal.members
        return "let in"

    with ThreadPoolExecutor(UPLOADS) as pool:
        outcomes = list(pool.map(upload, range(UPLOADS)))
    assert outcomes.count("let in") == 1
    assert outcomes.count({"quota": most, "used": most}) == UPLOADS - 1
    assert used(owned) == Usage(30, 3)
    with pytest.raises(QuotaExceeded):
        rules.foresee("usr_1", 1)


def test_what_grows_while_it_is_deleted_is_counted_as_it_was(owned: SqlRecords) -> None:
    """Two processes with the same row: whoever comes second counts what the first one left."""

    def race(number: int) -> None:
        name, start = f"doc_{number}", Barrier(2)
        owned.write(lambda w: w.documents.add(document(name, size=5, state=State.RECEIVING)))

        def grow() -> None:
            start.wait(timeout=60)
            owned.write(lambda w: w.documents.grow(name, 9, NOW))

        def delete() -> None:
            start.wait(timeout=60)
            owned.write(lambda w: w.documents.move(name, {State.RECEIVING}, State.DELETED, NOW))

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(grow), pool.submit(delete)]:
                done.result(timeout=60)

    for number in range(40):
        race(number)
    assert used(owned) == Usage(0, 0)


def test_the_migration_counts_what_was_there_before(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file on its way in counts with its segments, what is gone with nothing."""
    whole = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: whole(config, "0001"))
    migrate.upgrade(empty_database_url)
    monkeypatch.undo()
    with create_engine(empty_database_url, poolclass=NullPool).begin() as connection:
        _fill_as_of_old(connection)
    migrate.upgrade(empty_database_url)
    records = SqlRecords(empty_database_url)
    assert used(records) == Usage(100 + 30, 2)
    assert used(records, "usr_2") == Usage(0, 0)
    records.close()


def _fill_as_of_old(connection: Connection) -> None:
    """Rows as the first schema had them: one clean, one deleted, one on its way in."""
    for user_id in ("usr_1", "usr_2"):
        connection.execute(
            text("INSERT INTO users VALUES (:id, :id, 'hash', 'user', :at, NULL)"),
            {"id": user_id, "at": NOW},
        )
    rows = [("doc_1", 100, "clean"), ("doc_2", 50, "deleted"), ("doc_3", 0, "receiving")]
    for document_id, size, state in rows:
        connection.execute(
            text(
                "INSERT INTO documents (id, owner_id, name, name_folded, size, type, state,"
                " created_at, updated_at)"
                " VALUES (:id, 'usr_1', '', '', :size, '', :state, :at, :at)"
            ),
            {"id": document_id, "size": size, "state": state, "at": NOW},
        )
    for offset in (0, 10):
        connection.execute(
            text("INSERT INTO segments VALUES ('doc_3', :offset, :size, :key)"),
            {"offset": offset, "size": 10 + offset, "key": f"k/{offset}"},
        )
