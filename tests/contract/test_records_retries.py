"""What is tried again, what is not, and what is unavailable in the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support.facts import user
from tests.support.sqlite import migrated_sqlite
from uploads.documents.errors import CommitUnknown, RecordsUnavailable
from uploads.records.cooperative import CooperativeConnection
from uploads.records.protocol import Work
from uploads.records.sql import ATTEMPTS, SqlRecords


def users(records: SqlRecords) -> int:
    return len(records.read(lambda work: work.accounts.users()))


def add_user(name: str) -> Callable[[Work], bool]:
    return lambda work: work.accounts.add_user(user(name))


class Pauses:
    """Counts the pauses between attempts, and does something in the first of them."""

    def __init__(self, first: Callable[[], None] = lambda: None) -> None:
        self.seconds: list[float] = []
        self._first = first

    def __call__(self, seconds: float) -> None:
        if not self.seconds:
            self._first()
        self.seconds.append(seconds)


def test_a_locked_sqlite_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the write lock past the busy timeout, then lets go."""
    monkeypatch.setattr("uploads.records.engine.LOCK_SECONDS", 0)
    path = tmp_path / "locked.db"
    url = migrated_sqlite(path)
    other = sqlite3.connect(path, isolation_level=None)
    pauses = Pauses(lambda: other.execute("ROLLBACK") and None)
    records = SqlRecords(url, pause=pauses)
    assert records.write(add_user("usr_1"))
    other.execute("BEGIN IMMEDIATE")
    assert records.write(add_user("usr_2"))
    assert len(pauses.seconds) == 1
    assert users(records) == 2
    records.close()
    other.close()


def test_a_write_on_sqlite_holds_the_lock_from_its_first_moment(tmp_path: Path) -> None:
    """What a unit has read cannot change before it writes."""
    path = tmp_path / "immediate.db"
    records = SqlRecords(migrated_sqlite(path))
    other = sqlite3.connect(path, isolation_level=None, timeout=0)

    def unit(_work: Work) -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")

    records.write(unit)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    records.close()


def test_a_sqlite_that_stays_locked_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retries are bounded, wait longer each time, and the cause is kept."""
    monkeypatch.setattr("uploads.records.engine.LOCK_SECONDS", 0)
    path = tmp_path / "locked.db"
    url = migrated_sqlite(path)
    pauses = Pauses()
    records = SqlRecords(url, pause=pauses, jitter=lambda low, high: high)
    assert users(records) == 0
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RecordsUnavailable) as refusal:
        records.write(add_user("usr_1"))
    assert "locked" in str(refusal.value.__cause__)
    assert len(pauses.seconds) == ATTEMPTS - 1
    assert pauses.seconds == sorted(set(pauses.seconds))
    assert users(records) == 0, "reading goes on meanwhile"
    records.close()
    other.close()


def test_a_deadlock_is_resolved_by_running_one_unit_again(migrated_postgresql: str) -> None:
    """Two units lock two rows in opposite order: both are done in the end."""
    records = SqlRecords(migrated_postgresql)
    names = ("usr_left", "usr_right")
    for name in names:
        records.write(add_user(name))
    met = Barrier(2)
    runs: list[str] = []

    def unit(first: str, second: str, mark: str) -> Callable[[Work], None]:
        def cross(work: Work) -> None:
            runs.append(mark)
            work.accounts.set_password(first, mark)
            if runs.count(mark) == 1:
                met.wait(timeout=60)
            work.accounts.set_password(second, mark)

        return cross

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(records.write, unit(*names, "one"))
        two = pool.submit(records.write, unit(*reversed(names), "two"))
        one.result(timeout=60)
        two.result(timeout=60)
    assert len(runs) == 3
    left, right = (records.read(lambda work: work.accounts.user(name)) for name in names)  # noqa: B023
    assert left is not None
    assert right is not None
    assert left.password_hash == right.password_hash, "the last unit wrote both"
    records.close()


def _end_connections(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_connection_that_breaks_before_the_commit_costs_another_run(
    migrated_postgresql: str,
) -> None:
    records = SqlRecords(migrated_postgresql)
    runs = Pauses(lambda: _end_connections(migrated_postgresql))

    def unit(work: Work) -> int:
        work.accounts.add_user(user("usr_broken"))
        runs(0)
        return len(work.accounts.users())

    assert records.write(unit) >= 1
    assert len(runs.seconds) == 2
    assert records.read(lambda work: work.accounts.user("usr_broken")) is not None
    records.close()


def test_a_connection_that_breaks_in_the_commit_is_not_run_again(
    migrated_postgresql: str,
) -> None:
    """Whether the commit happened is unknown: to run the unit again could do it twice."""
    records = SqlRecords(migrated_postgresql)
    runs = []

    def unit(work: Work) -> None:
        runs.append(work.jobs.backlog())
        _end_connections(migrated_postgresql)

    with pytest.raises(CommitUnknown) as unknown:
        records.write(unit)
    assert "not known whether" in unknown.value.public
    assert len(runs) == 1
    records.read(unit_without_harm := lambda work: work.jobs.backlog())
    assert records.write(unit_without_harm) is not None
    records.close()


def test_a_commit_whose_answer_is_lost_is_unknown(
    migrated_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It happened, and is not said to have left nothing."""
    honest = CooperativeConnection.commit

    def commit(connection: CooperativeConnection) -> None:
        honest(connection)
        connection.pgconn.finish()
        raise psycopg.OperationalError("the connection is lost")

    records = SqlRecords(migrated_postgresql)
    with monkeypatch.context() as patched:
        patched.setattr(CooperativeConnection, "commit", commit)
        with pytest.raises(CommitUnknown):
            records.write(add_user("usr_lost"))
    assert records.read(lambda work: work.accounts.user("usr_lost")) is not None
    records.close()


def test_what_never_reached_the_server_is_known(postgresql: str) -> None:
    nobody = make_url(postgresql).set(port=1).render_as_string(hide_password=False)
    records = SqlRecords(nobody, pause=lambda seconds: None)
    for write in (records.write, records.write_one):
        with pytest.raises(RecordsUnavailable) as refusal:
            write(add_user("usr_1"))
        assert type(refusal.value) is RecordsUnavailable
    records.close()


def test_a_server_that_is_not_there_is_unavailable(postgresql: str, tmp_path: Path) -> None:
    nobody = make_url(postgresql).set(port=1).render_as_string(hide_password=False)
    for url in (nobody, f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.db'}"):
        records = SqlRecords(url, pause=lambda seconds: None)
        with pytest.raises(RecordsUnavailable) as refusal:
            records.ready()
        assert refusal.value.__cause__ is not None
        records.close()


def test_a_server_whose_connections_are_used_up_is_unavailable(migrated_postgresql: str) -> None:
    """It refuses the connection itself (53300); units of every kind say so."""
    engine = create_engine(migrated_postgresql, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE many LOGIN CONNECTION LIMIT 0"))
        url = make_url(migrated_postgresql).set(username="many")
        records = SqlRecords(url.render_as_string(), pause=lambda seconds: None)
        for run in (records.read, records.glance, records.write, records.write_one):
            with pytest.raises(RecordsUnavailable) as refusal:
                run(lambda work: work.accounts.users())
            assert "too many connections" in refusal.value.cause
        records.close()
        connection.execute(text("DROP ROLE many"))


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is not a database" * 100)
    records = SqlRecords(f"sqlite:///{path}", pause=lambda seconds: None)
    with pytest.raises(RecordsUnavailable):
        records.ready()
    records.close()
