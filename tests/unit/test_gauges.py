"""What a scrape looks up, who is shown it, and the listener of workers that stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from flask import Flask
from prometheus_client import values

from tests.support import facts
from tests.support.line import Line
from tests.support.ports import free_port
from uploads import clock, tallies
from uploads.api.operations import blueprint
from uploads.config import ConfigurationError, Settings
from uploads.documents.canaries import Canary
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import JobKind
from uploads.documents.proofs import STANDS_FOR, StoreProof
from uploads.gauges import Gauges
from uploads.metrics import (
    DATABASE,
    DELIVERIES_OLDEST,
    DISK_FREE,
    DISK_RESERVE,
    ENGINE_PROVED,
    JOBS_OLDEST,
    JOBS_WAITING,
    METRICS,
    SCANNER,
    SIGNATURE_AGE,
    STORE_PROVED,
)
from uploads.wiring import Services
from workers.exposing import expose

TOKEN = "a token of many letters"
HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where this process counts, until the test's end."""
    assert tallies.begin(tmp_path / "metrics")
    yield tmp_path / "metrics"
    for metric in METRICS:
        metric.bind(None)
    values.close_all_multiprocess_files()  # type: ignore[no-untyped-call]


def services(line: Line, tmp_path: Path, **settings: Any) -> Services:
    found = SimpleNamespace(
        settings=Settings(data=tmp_path, **settings), records=line.records, scanner_configured=True
    )
    return cast(Services, found)


def test_queues_engines_and_disks_are_looked_up(line: Line, tmp_path: Path) -> None:
    now = clock.now()
    document = line.accept(b"hello")
    old = facts.job("job_1", document.id, kind=JobKind.RENDER, created_at=now - HOUR)
    line.records.write(lambda work: work.jobs.add(old))
    day = (now - timedelta(days=3)).date().isoformat()
    well = Canary("clamav", "here", now, True, signatures=f"27461/{day}")
    younger = f"27462/{now.date().isoformat()}"
    failed = replace(well, place="there", ok=False, signatures=younger)
    for canary in (well, failed, replace(well, engine="yara", signatures=None)):
        line.records.write(lambda work, one=canary: work.inspections.put_canary(one))  # type: ignore[misc]
    found = Gauges(services(line, tmp_path, disk_reserve_bytes=2**60)).read()
    assert found[JOBS_WAITING][("render",)] == 1
    assert found[JOBS_WAITING][("release",)] == 0
    assert 3600 <= found[JOBS_OLDEST][("render",)] < 3700
    assert found[DELIVERIES_OLDEST] == {(): 0}
    # Failed at one worker, tried at all, never tried.
    proved = {("clamav",): 0, ("yara",): 1, ("structure",): 0}
    assert found[ENGINE_PROVED] == proved
    assert 2 * 86400 <= found[SIGNATURE_AGE][()] <= 3 * 86400
    assert found[SCANNER] == found[DATABASE] == {(): 1}
    assert 0 < found[DISK_FREE][("data",)] < found[DISK_RESERVE][("data",)] == 2**60
    assert ("scratch",) not in found[DISK_FREE]


@pytest.mark.parametrize(("age", "value"), [(None, 0), (timedelta(0), 1), (STANDS_FOR, 0)])
def test_a_store_counts_as_proved_while_its_proof_stands(
    line: Line, tmp_path: Path, age: timedelta | None, value: int
) -> None:
    if age is not None:
        at = clock.now() - age
        proof = StoreProof("http://files.test", "incoming", at, proved_at=at)
        line.records.write(lambda work: work.proofs.record(proof))
    found = Gauges(services(line, tmp_path, s3_public_url="http://files.test")).read()
    assert found[STORE_PROVED] == {(): value}


def test_who_asks_often_is_given_the_same(line: Line, tmp_path: Path) -> None:
    """The database is asked once in five seconds, also where it does not answer."""
    asked, now = [], 100.0

    class Away:
        def read(self, _: object) -> None:
            asked.append(now)
            raise RecordsUnavailable("staged")

    found = services(line, tmp_path)
    away = cast(Services, SimpleNamespace(**{**vars(found), "records": Away()}))
    gauges = Gauges(away, lambda: now)
    first = gauges.read()
    assert (first[DATABASE], JOBS_WAITING in first) == ({(): 0}, False)
    now = 104.9
    assert gauges.read() is first
    now = 105.0
    gauges.read()
    assert asked == [100.0, 105.0]


def asked(line: Line, tmp_path: Path, folder: Path, token: str = "", **request: Any) -> Any:
    app = Flask("probe")
    app.register_blueprint(blueprint)
    found = services(line, tmp_path, metrics_token=token, metrics_dir=folder)
    app.extensions["services"] = found
    app.extensions["uploads.gauges"] = Gauges(found)
    app.register_error_handler(Exception, lambda error: (type(error).__name__, 400))
    return app.test_client().get("/metrics", base_url="http://127.0.0.1:8000", **request)


def test_where_a_token_is_set_it_must_be_sent(line: Line, tmp_path: Path, folder: Path) -> None:
    assert asked(line, tmp_path, folder).status_code == 200
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        assert asked(line, tmp_path, folder, TOKEN, headers=headers).text == "Unauthenticated"
    fine = asked(line, tmp_path, folder, TOKEN, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (fine.status_code, "uploads_jobs_waiting{" in fine.text) == (200, True)


def test_where_nobody_counts_a_scrape_fails(line: Line, tmp_path: Path) -> None:
    """Zeros would pass for a service in which nothing happens."""
    assert asked(line, tmp_path, tmp_path / "nowhere").text == "Unavailable"


def test_workers_alone_show_theirs_for_the_token(tmp_path: Path, folder: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    settings = Settings(
        data=tmp_path, metrics_listen=where, metrics_token=TOKEN, metrics_dir=folder
    )
    server = expose(settings)
    assert server is not None
    try:
        assert expose(settings) is None  # the other worker of this machine
        get = lambda path, token: httpx.get(  # noqa: E731
            f"http://{where}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        assert get("/metrics", TOKEN[:-1]).status_code == 401
        assert get("/", TOKEN).status_code == 404
        shown = get("/metrics", TOKEN)
        assert (shown.status_code, "# TYPE uploads_settled_total" in shown.text) == (200, True)
    finally:
        server.shutdown()
        server.server_close()


def test_without_an_address_nobody_listens(tmp_path: Path) -> None:
    assert expose(Settings(data=tmp_path)) is None


@pytest.mark.parametrize(
    ("listen", "token", "said"),
    [
        ("0.0.0.0:9101", "", "UPLOADS_METRICS_TOKEN"),
        ("0.0.0.0:9101", "short", "16 characters"),
        ("9101", TOKEN, "host:port"),
        ("0.0.0.0:99999", TOKEN, "host:port"),
    ],
)
def test_a_listener_without_a_token_stops_the_start(
    tmp_path: Path, listen: str, token: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings.load(data=tmp_path, metrics_listen=listen, metrics_token=token)
