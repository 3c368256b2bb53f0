"""PostgreSQL connections that lay idle, and those that share a thread with others."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.support.facts import grant, user
from tests.support.waiting import eventually
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords

_AT_ONCE = 4

_AMONG_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from uploads.records.engine import make_engine
from sqlalchemy import text

engine = make_engine(sys.argv[1])
turns = []

def count():
    while True:
        turns.append(1)
        gevent.sleep(0.001)

counting = gevent.spawn(count)
with engine.connect() as connection:
    turns.clear()
    connection.execute(text("SELECT pg_sleep(1)"))
    assert len(turns) > 10, "nobody else had a turn while the server worked"
    large = "x" * 32_000_000
    found = connection.execute(text("SELECT :large"), {"large": large}).scalar_one()
    assert found == large, "what does not fit into one go was lost"
counting.kill()
print("all is well")
"""


def _end_all(url: str) -> int:
    return _count(url, "pg_terminate_backend(pid)")


def _count(url: str, what: str) -> int:
    """Of the others who are connected."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        found = connection.execute(
            text(
                f"SELECT count({what}) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        return int(found.scalar_one())


def test_connections_that_were_lost_while_idle_cost_nobody_an_error(
    migrated_postgresql: str,
) -> None:
    """After a restart of the server all of the pool's are dead; each unit runs all the same."""
    records = SqlRecords(migrated_postgresql)

    def glance() -> object:
        return records.glance(lambda work: work.accounts.user("usr_nobody"))

    def read() -> object:
        return records.read(lambda work: work.accounts.user("usr_nobody"))

    def write() -> object:
        return records.write(lambda work: work.jobs.backlog())

    nobodys = replace(grant(), owner_id="usr_nobody")

    def write_one() -> object:
        return records.write_one(lambda work: work.grants.add_within(nobodys, 0, 0))

    for verb in (glance, read, write, write_one):
        _fill_pool(records)
        assert _end_all(migrated_postgresql) >= _AT_ONCE
        # What breaks off under way is another matter: nobody knows whether it was committed.
        eventually(lambda: _count(migrated_postgresql, "*") == 0, 60)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(verb) for _ in range(2 * _AT_ONCE)]:
                done.result(timeout=60)
    records.write(lambda work: work.accounts.add_user(user("usr_after")))
    assert records.glance(lambda work: work.accounts.user("usr_after")) is not None
    records.close()


@pytest.mark.parametrize("verb", ["glance", "read", "write", "write_one"])
def test_a_unit_under_way_when_they_are_closed_ends_and_leaves_no_connection(
    migrated_postgresql: str, verb: str
) -> None:
    records = SqlRecords(migrated_postgresql)
    begun, closed = Event(), Event()

    def unit(work: Work) -> bool:
        work.jobs.backlog()
        begun.set()
        return closed.wait(timeout=60)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(getattr(records, verb), unit)
        assert begun.wait(timeout=60)
        records.close()
        closed.set()
        assert done.result(timeout=60)
    # Told to go, the server's process is gone a moment later.
    eventually(lambda: _count(migrated_postgresql, "*") == 0, 60)


def _fill_pool(records: SqlRecords) -> None:
    """As many idle connections as there are units at a time."""
    met = Barrier(_AT_ONCE)

    def unit(work: Work) -> None:
        work.jobs.backlog()
        met.wait(timeout=60)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(records.read, unit) for _ in range(_AT_ONCE)]:
            done.result(timeout=60)


def test_a_statement_lets_other_greenlets_go_on(postgresql: str) -> None:
    """In a process that gevent has patched, as the web processes are; also with a large answer."""
    script = textwrap.dedent(_AMONG_GREENLETS)
    done = subprocess.run(
        [sys.executable, "-c", script, postgresql],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "all is well"
