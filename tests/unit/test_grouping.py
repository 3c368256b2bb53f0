"""Writes that share a commit: each succeeds or fails by itself, whatever the others do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.support.facts import document, user
from tests.support.sqlite import migrated_sqlite
from tests.support.waiting import eventually
from uploads.documents.errors import Conflict, RecordsUnavailable
from uploads.lanes import Errand
from uploads.records import grouping, writing
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords, SqlWork


class StopError(Exception):
    pass


class Together:
    """Units that are sure to be run as one group: the writer is busy until all of them wait."""

    def __init__(self, records: SqlRecords, threads: ThreadPoolExecutor) -> None:
        self._records = records
        self._threads = threads

    def write(self, *units: Callable[[Work], Any]) -> list[Future[Any]]:
        busy, go = Event(), Event()

        def hold(_: Work) -> None:
            busy.set()
            assert go.wait(60)

        first = self._threads.submit(self._records.write, hold)
        assert busy.wait(60)
        assert self._records._grouped is not None
        queue = self._records._grouped._writer._queue
        sent = [self._threads.submit(self._records.write, unit) for unit in units]
        eventually(lambda: queue.qsize() == len(units), 60)
        go.set()
        first.result(30)
        return sent


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    made = SqlRecords(migrated_sqlite(tmp_path / "grouped.db"), grouped=True)
    yield made
    made.close()


@pytest.fixture
def together(records: SqlRecords) -> Iterator[Together]:
    with ThreadPoolExecutor(32) as threads:
        yield Together(records, threads)


def add(name: str) -> Callable[[Work], bool]:
    return lambda work: work.accounts.add_user(user(name))


def names(records: SqlRecords) -> set[str]:
    return {one.id for one in records.read(lambda work: work.accounts.users())}


def test_one_that_raises_takes_nothing_of_the_others(
    records: SqlRecords, together: Together
) -> None:
    """Not even what it had done itself before it raised."""

    def fails(work: Work) -> None:
        work.accounts.add_user(user("usr_failed"))
        raise StopError

    before, failed, behind = together.write(add("usr_before"), fails, add("usr_behind"))
    assert before.result(30)
    assert behind.result(30)
    with pytest.raises(StopError):
        failed.result(30)
    assert names(records) == {"usr_before", "usr_behind"}


def test_one_that_breaks_a_reference_is_a_conflict_of_its_own(
    records: SqlRecords, together: Together
) -> None:
    orphan = document("doc_of_nobody")
    failed, fine = together.write(lambda work: work.documents.add(orphan), add("usr_1"))
    with pytest.raises(Conflict):
        failed.result(30)
    assert fine.result(30)
    assert names(records) == {"usr_1"}


def test_a_group_shares_one_commit(
    records: SqlRecords, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    served = writing.served

    def counting(pen: writing.Pen, errands: list[Errand[Any]]) -> bool:
        sizes.append(len(errands))
        return served(pen, errands)

    monkeypatch.setattr(grouping, "served", counting)
    sent = together.write(*[add(f"usr_{number}") for number in range(12)])
    assert all(one.result(30) for one in sent)
    assert sizes == [1, 12]
    assert len(names(records)) == 12


def test_what_a_savepoint_keeps_is_in_memory(together: Together) -> None:
    """Else a group that touches some pages makes a file, writes them and deletes it."""

    def kept_in(work: Work) -> int:
        assert isinstance(work, SqlWork)
        driver: Any = work.accounts._connection.connection.driver_connection
        return int(driver.execute("PRAGMA temp_store").fetchone()[0])

    in_memory = 2  # https://www.sqlite.org/pragma.html#pragma_temp_store
    assert [one.result(30) for one in together.write(kept_in, kept_in)] == [in_memory] * 2


def test_a_broken_transaction_is_done_again_one_by_one(
    records: SqlRecords, together: Together
) -> None:
    """As after a full disk: SQLite gives up the whole of it, and nobody is told of a success."""
    broken: list[bool] = []

    def breaks(work: Work) -> None:
        work.accounts.add_user(user("usr_breaker"))
        if not broken:
            broken.append(True)
            assert isinstance(work, SqlWork)
            driver: Any = work.accounts._connection.connection.driver_connection
            driver.execute("ROLLBACK")
            raise StopError

    sent = together.write(add("usr_before"), breaks, add("usr_behind"))
    for one in sent:
        one.result(30)
    assert broken
    assert names(records) == {"usr_before", "usr_breaker", "usr_behind"}


def test_who_waits_too_long_for_a_turn_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was given up is not done afterwards."""
    monkeypatch.setattr("uploads.records.sql.PATIENCE_SECONDS", 0.2)
    records = SqlRecords(migrated_sqlite(tmp_path / "busy.db"), grouped=True)
    busy, go = Event(), Event()

    def hold(_: Work) -> None:
        busy.set()
        assert go.wait(60)

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(records.write, hold)
        assert busy.wait(60)
        with pytest.raises(RecordsUnavailable):
            records.write(add("usr_late"))
        go.set()
        holding.result(30)
    assert names(records) == set()
    records.close()


_AMONG_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from sqlalchemy import text
from uploads.records.grouping import Grouped
from uploads.records.engine import make_engine
grouped = Grouped(make_engine(sys.argv[1]), 10)
me = gevent.getcurrent()
def look(connection):
    assert gevent.getcurrent() is me, "on another thread"
    return connection.execute(text("SELECT count(*) FROM users")).scalar()
def write(connection):
    connection.execute(text("DELETE FROM users"))
print(grouped.glance(look))
try:
    grouped.glance(write)
except Exception as error:
    print(type(error).__name__)
grouped.run(write, writes=True)
print(grouped.glance(look))
grouped.close()
print(grouped.glance(look))
grouped.close()
"""


def test_a_glance_is_taken_at_once_and_changes_nothing(tmp_path: Path) -> None:
    """Among greenlets: on the very same thread; what was written since is seen."""
    url = migrated_sqlite(tmp_path / "near.db")
    records = SqlRecords(url)
    records.write(lambda work: work.accounts.add_user(user()))
    records.close()
    said = subprocess.run(
        [sys.executable, "-c", _AMONG_GREENLETS, url], capture_output=True, text=True, timeout=120
    )
    assert said.stdout.split() == ["1", "OperationalError", "0", "0"], said.stderr


_WRITING_AMONG_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sqlite3, sys, gevent, structlog
from sqlalchemy import text
from uploads.records import writing
from uploads.records.grouping import Grouped
from uploads.records.engine import make_engine
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
grouped = Grouped(make_engine(sys.argv[1]), 10)
other = sqlite3.connect(sys.argv[2], isolation_level=None)
thread = monkey.get_original("_thread", "get_ident")
here, did, broken = thread(), [], []
commit = writing.Pen.commit
def counting(pen):
    did.append("commit")
    commit(pen)
writing.Pen.commit = counting
def add(name, then=lambda connection: None):
    def act(connection):
        assert thread() == here, "on another thread"
        connection.execute(text("INSERT INTO leftovers VALUES ('b', '%s', 'now', 0)" % name))
        then(connection)
        return name
    def write():
        try:
            did.append(grouped.run(act, writes=True))
        except Exception as error:
            did.append(type(error).__name__)
    return gevent.spawn(write)
def found():
    rows = other.execute("SELECT key FROM leftovers ORDER BY key").fetchall()
    print(*[key for key, in rows], "after", *did)
    did.clear()
def fails(connection):
    raise LookupError
def breaks(connection):
    if not broken:
        broken.append(1)
        connection.connection.driver_connection.execute("ROLLBACK")
        raise LookupError
other.execute("BEGIN IMMEDIATE")
first = [add("a1"), add("a2", fails), add("a3")]
while grouped._pen is None or grouped._bench._waiting:
    gevent.sleep(0)
print("waiting", *did)
first.append(add("a4"))
gevent.spawn(other.execute, "ROLLBACK")
gevent.joinall(first)
found()
gevent.joinall([add("b1"), add("b2", breaks), add("b3")])
found()
def much(connection):
    assert thread() != here, "on the greenlets' thread"
    connection.execute(text("DELETE FROM leftovers WHERE key < 'b3'"))
grouped.run(grouped.at_length(much), writes=True)
found()
other.execute("BEGIN IMMEDIATE")
late = add("c1")
while not grouped._bench._waiting:
    gevent.sleep(0)
gevent.spawn(other.execute, "ROLLBACK")
grouped.close()
late.join()
found()
"""


def test_greenlets_write_on_their_own_thread_and_wait_on_another(tmp_path: Path) -> None:
    """For another process and for the disk; meanwhile others go on, and gather."""
    url = migrated_sqlite(tmp_path / "near.db")
    said = subprocess.run(
        [sys.executable, "-c", _WRITING_AMONG_GREENLETS, url, str(tmp_path / "near.db")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.stdout.splitlines() == [
        "waiting",
        "a1 a3 a4 after commit a1 LookupError a3 commit a4",
        "a1 a3 a4 b1 b2 b3 after commit commit b1 commit b2 b3",
        "b3 after commit",
        "b3 c1 after commit c1",
    ], said.stderr
