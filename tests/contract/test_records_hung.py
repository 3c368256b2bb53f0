"""A PostgreSQL that is stopped: it acknowledges what is sent, and never says a word."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.facts import user
from tests.support.postgres import Server, postgres_server
from uploads.documents.errors import RecordsUnavailable
from uploads.records import cooperative
from uploads.records.migrate import upgrade
from uploads.records.sql import SqlRecords


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with postgres_server(None, tmp_path / "log", {"fsync": "off"}) as made:
        upgrade(made.url)
        yield made


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    for pid in (server.pid, *map(int, children)):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (server.pid, *map(int, children)):
            os.kill(pid, signal.SIGCONT)


def test_a_worker_does_not_wait_for_ever_and_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of unit ends as unavailable; the first one afterwards is done."""
    monkeypatch.setattr(cooperative, "_SILENT_SECONDS", 0.3)
    several = [SqlRecords(server.url, attempts=1) for _ in range(3)]
    for records in several:
        assert records.read(lambda work: work.accounts.users()) == []
    several[1].glance(lambda work: work.accounts.user("usr_1"))
    with stopped(server):
        for records, name in zip(several, ("read", "glance", "write"), strict=True):
            with pytest.raises(RecordsUnavailable):
                getattr(records, name)(lambda work: work.accounts.user("usr_1"))
    for number, records in enumerate(several):
        assert records.write(lambda work: work.accounts.add_user(user(f"usr_{number}")))  # noqa: B023
        records.close()
