"""The contract of `Records` itself: what a unit of work may rely on, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.support.facts import NOW, after, document, job, user
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import State
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords


def users(records: SqlRecords) -> int:
    return len(records.read(lambda work: work.accounts.users()))


def add_user(name: str) -> Callable[[Work], bool]:
    return lambda work: work.accounts.add_user(user(name))


def test_a_unit_that_raises_leaves_nothing(records: SqlRecords) -> None:
    class StopError(Exception):
        pass

    def unit(work: Work) -> None:
        work.accounts.add_user(user())
        raise StopError

    with pytest.raises(StopError):
        records.write(unit)
    assert users(records) == 0


def test_a_unit_sees_its_own_changes(records: SqlRecords) -> None:
    def unit(work: Work) -> int:
        work.accounts.add_user(user())
        return len(work.accounts.users())

    assert records.write(unit) == 1


def test_a_read_cannot_write(records: SqlRecords) -> None:
    with pytest.raises(RecordsUnavailable):
        records.read(add_user("usr_1"))
    assert users(records) == 0
    assert records.write(add_user("usr_1")), "and the connection can write again afterwards"


def test_of_twenty_threads_exactly_one_moves_a_document(records: SqlRecords) -> None:
    """Each tries to move every document, all at the same moment."""
    threads, rounds = 20, 10
    records.write(add_user("usr_1"))
    for number in range(rounds):
        made = document(f"doc_{number}", state=State.SCANNING)
        records.write(lambda work: work.documents.add(made))  # noqa: B023
    start = Barrier(threads)

    def race(index: int) -> list[bool]:
        next_state = State.CLEAN if index % 2 else State.INFECTED
        moved = []
        for number in range(rounds):
            start.wait(timeout=60)
            moved.append(
                records.write(
                    lambda work: work.documents.move(
                        f"doc_{number}",  # noqa: B023
                        [State.SCANNING],
                        next_state,
                        NOW,
                    )
                )
            )
        return moved

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(race, range(threads)))
    assert [sum(moved) for moved in zip(*results, strict=True)] == [1] * rounds


def test_thirty_two_threads_write_and_read_without_an_error(records: SqlRecords) -> None:
    threads, rounds = 32, 10
    start = Barrier(threads)

    def work_hard(index: int) -> None:
        start.wait(timeout=60)
        for number in range(rounds):
            name = f"usr_{index}_{number}"
            assert records.write(add_user(name))
            assert records.read(lambda work: work.accounts.user(name)) is not None  # noqa: B023

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work_hard, range(threads)))
    assert users(records) == threads * rounds


def test_another_database_is_refused() -> None:
    for url in ("mysql://host/x", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ValueError, match="UPLOADS_DATABASE_URL"):
            SqlRecords(url)


def test_ready_wants_the_newest_schema(empty_database_url: str, records: SqlRecords) -> None:
    records.ready()
    old = SqlRecords(empty_database_url)
    with pytest.raises(RecordsUnavailable):
        old.ready()
    old.close()


def test_what_was_written_survives_on_sqlite_as_promised(records: SqlRecords) -> None:
    """WAL, every commit synced, references enforced; PostgreSQL syncs and limits its waits."""
    with records._engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            names = ("journal_mode", "synchronous", "foreign_keys")
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
            assert values == ["wal", 2, 1]
        else:
            names = ("synchronous_commit", "lock_timeout", "statement_timeout")
            values = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
            assert values == ["on", "5s", "15s"]


def test_a_page_takes_two_queries_however_long_it_is(records: SqlRecords) -> None:
    from sqlalchemy import event

    from uploads.records.protocol import DocumentFilter

    def fill(work: Work) -> None:
        work.accounts.add_user(user())
        for number in range(50):
            work.documents.add(document(f"doc_{number}"))
            work.jobs.add(job(f"job_{number}", f"doc_{number}", not_before=after(number)))

    records.write(fill)
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    event.listen(records._engine, "before_cursor_execute", note)
    page = records.read(lambda work: work.documents.page("usr_1", DocumentFilter(), 50, None))
    assert len(page) == 50
    assert len(seen) == 2
