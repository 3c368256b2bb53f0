"""Records across `os.fork`, as Celery's children use them, on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from tests.support.facts import user
from tests.support.sqlite import migrated_sqlite
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords


def users(records: SqlRecords) -> int:
    return len(records.read(lambda work: work.accounts.users()))


def add_user(name: str) -> Callable[[Work], bool]:
    return lambda work: work.accounts.add_user(user(name))


def test_a_forked_child_has_connections_of_its_own(records: SqlRecords) -> None:
    """Parent and child write at the same time, after the parent's pool was warm."""
    assert records.write(add_user("usr_parent_0"))
    child = os.fork()
    if child == 0:
        try:
            for number in range(20):
                records.write(add_user(f"usr_child_{number}"))
            os._exit(0)
        finally:
            os._exit(1)
    for number in range(1, 20):
        records.write(add_user(f"usr_parent_{number}"))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert users(records) == 40


def test_a_child_forked_in_the_middle_of_a_write_can_write(records: SqlRecords) -> None:
    """The parent's turn and its open transaction are not the child's."""
    inside, forking = Event(), Event()
    os.register_at_fork(before=forking.set)

    def slow(work: Work) -> None:
        work.accounts.add_user(user("usr_parent"))
        inside.set()
        assert forking.wait(timeout=60)

    with ThreadPoolExecutor(1) as pool:
        parent = pool.submit(records.write, slow)
        assert inside.wait(timeout=60)
        child = os.fork()
        if child == 0:
            try:
                records.write(add_user("usr_child"))
                os._exit(0)
            finally:
                os._exit(1)
        parent.result(timeout=60)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert users(records) == 2


def test_a_forked_child_holds_its_own_lock_on_sqlite(tmp_path: Path) -> None:
    """When the parent leaves, it does not take the child's write-ahead log with it."""
    path = tmp_path / "forked.db"
    url = migrated_sqlite(path)
    records = SqlRecords(url)
    records.write(add_user("usr_parent"))
    said, saying = os.pipe()
    heard, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            records.write(add_user("usr_child_1"))
            os.write(saying, b"connected")
            os.read(heard, 1)
            records.write(add_user("usr_child_2"))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.read(said, 9) == b"connected"
    assert users(records) == 2
    records.close()
    assert Path(f"{path}-wal").exists(), "the child is still connected"
    os.write(telling, b".")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert users(records) == 3
    records.close()
    for descriptor in (said, saying, heard, telling):
        os.close(descriptor)
