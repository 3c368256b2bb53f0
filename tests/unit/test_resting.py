"""Connections for which there is no work any more are given back to the server."""

from __future__ import annotations

import sqlite3

import pytest

from uploads.config import Settings
from uploads.records import resting
from uploads.records.resting import RestingPool
from workers.machine import opened, processes


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    told = [0.0]
    monkeypatch.setattr(resting.time, "monotonic", lambda: told[0])
    return told


def pool() -> RestingPool:
    return RestingPool(
        lambda: sqlite3.connect(":memory:"),
        pool_size=3,
        max_overflow=0,
        timeout=0,
        use_lifo=True,
    )


def test_what_rested_for_a_minute_is_closed(seconds: list[float]) -> None:
    """One with each that comes back; the one that is of use stays, and the places are free."""
    made = pool()
    several = [made.connect() for _ in range(3)]
    for one in several:
        one.close()
    assert made.checkedin() == 3
    for number in range(7):
        seconds[0] += 30
        made.connect().close()
        assert made.checkedin() == (3 if number == 0 else max(1, 3 - number))
    several = [made.connect() for _ in range(3)]
    for one in several:
        one.close()
    assert made.checkedin() == 3
    made.dispose()


def test_what_is_used_all_the_time_stays(seconds: list[float]) -> None:
    made = pool()
    for _ in range(5):
        several = [made.connect() for _ in range(3)]
        for one in several:
            one.close()
        seconds[0] += 30
    assert made.checkedin() == 3
    made.dispose()


@pytest.mark.parametrize(("web", "each"), [(1, 15), (2, 15), (4, 10), (8, 5), (32, 4)])
def test_web_processes_share_what_a_server_gives(web: int, each: int) -> None:
    assert Settings.load(web_processes=web).connections_each == each


def test_a_machine_with_eight_processors_fits_into_a_server_as_it_comes() -> None:
    settings = Settings.load(web_processes=8, worker_processes=9)
    assert opened(settings) <= 97
    more = Settings.load(web_processes=8, worker_processes=9, database_connections=15)
    assert opened(more) > 97
    assert processes(settings) == 9


def test_nothing_is_said_of_each_connection(caplog: pytest.LogCaptureFixture) -> None:
    """What the server ends is one line each, in the log of whoever reads at `info`."""
    with caplog.at_level("INFO"):
        made = pool()
        first = made.connect()
        first.invalidate(sqlite3.OperationalError("gone"))
        first.close()
        made.dispose()
    assert caplog.messages == []
