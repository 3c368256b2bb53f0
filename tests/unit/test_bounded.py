"""Probes and scrapes answer in time, whatever hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask

from uploads import gauges, probing
from uploads.api.operations import blueprint
from uploads.bounded import Bounded, Late
from uploads.config import Settings
from uploads.gauges import Gauges
from uploads.metrics import DATABASE
from uploads.wiring import Services


class Hung:
    """Records that never answer until they are let go."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.asked = 0

    def read(self, _unit: object) -> Any:
        self.asked += 1
        assert self.go_on.wait(60)
        return None

    glance = read

    def ready(self) -> None:
        self.read(None)


@pytest.fixture
def hung() -> Iterator[Hung]:
    made = Hung()
    yield made
    made.go_on.set()


@pytest.fixture
def services(hung: Hung, tmp_path: Any) -> Services:
    found = SimpleNamespace(
        settings=Settings(data=tmp_path, redis_url="redis://127.0.0.1:1"),
        records=hung,
        storage=SimpleNamespace(ready=lambda: None),
        clamd_address=None,
        scanner_configured=False,
        disk=SimpleNamespace(check=lambda: None),
    )
    return cast(Services, found)


def test_a_hung_database_is_not_ready_in_time(
    hung: Hung, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are told of as they are, and no further look is begun while one hangs."""
    monkeypatch.setattr(probing, "_SECONDS", 0.05)
    app = Flask("probe")
    app.register_blueprint(blueprint)
    app.extensions["services"] = services
    client = app.test_client()
    for _ in range(3):
        answer: Any = client.get("/readyz")
        assert answer.status_code == 503
        parts = answer.json["parts"]
        assert parts["database"] == {"status": "unavailable"}
        assert parts["storage"] == {"status": "ok"}
        assert parts["jobs"]["detail"] == "jobs: unknown"
        assert parts["grants"]["detail"] == "grants: unknown"
        assert parts["engines"]["detail"] == "engines: unknown"
    assert hung.asked <= 4


def test_a_scrape_goes_on_without_a_hung_database(
    hung: Hung, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "_SECONDS", 0.05)
    made = Gauges(services, lambda: 0.0)
    assert made.read()[DATABASE] == {(): 0.0}
    assert hung.asked == 1


def test_what_is_asked_for_is_returned_or_raised() -> None:
    assert Bounded(lambda: 7).begin().outcome(60) == 7
    with pytest.raises(KeyError):
        Bounded(lambda: dict[str, int]()["x"]).begin().outcome(60)


def test_who_asks_meanwhile_is_told_of_the_same() -> None:
    go_on, runs = Event(), list[int]()

    def act() -> int:
        runs.append(1)
        assert go_on.wait(60)
        return len(runs)

    bounded: Bounded[int] = Bounded(act)
    with pytest.raises(Late):
        bounded.begin().outcome(0)
    later: Callable[[float], int] = bounded.begin().outcome
    go_on.set()
    assert later(60) == 1
    assert bounded.begin().outcome(60) == 2
