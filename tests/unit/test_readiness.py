"""/readyz over the queue of jobs and the previews of Office: what is late or missing is seen, and
makes nobody believe that all is lost."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.support import facts
from tests.support.line import Line
from uploads import clock
from uploads.api.operations import blueprint
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import JobState
from uploads.documents.proofs import StoreProof
from uploads.office import ON, OfficeWord
from uploads.records.protocol import Records

LIMIT = 900
DAY = timedelta(days=1)


def jobs_part(records: Records) -> tuple[int, dict[str, str]]:
    """The status of the answer, and what it says of the jobs."""
    status, parts = ready(records)
    return status, parts["jobs"]


def ready(records: Records, **settings: Any) -> tuple[int, dict[str, dict[str, str]]]:
    app = Flask("probe")
    app.register_blueprint(blueprint)
    app.extensions["services"] = SimpleNamespace(
        settings=Settings(
            **{"redis_url": "redis://127.0.0.1:1", "backlog_seconds": LIMIT, **settings}
        ),
        records=records,
        storage=SimpleNamespace(ready=lambda: None),
        clamd_address=None,
        scanner_configured=False,
        disk=SimpleNamespace(check=lambda: None),
    )
    answer: Any = app.test_client().get("/readyz")
    return answer.status_code, answer.json["parts"]


@pytest.mark.parametrize(
    ("age", "status"), [(LIMIT - 60, "ok"), (LIMIT + 60, "degraded"), (90_000, "degraded")]
)
def test_the_oldest_open_job_decides(line: Line, age: int, status: str) -> None:
    """A job that waits too long degrades the service, be it put off again and again or leased."""
    began = clock.now() - timedelta(seconds=age)
    later = clock.now() + timedelta(seconds=60)
    document = line.accept(b"hello")
    line.records.write(lambda work: work.jobs.cancel(document.id))
    for job in (
        facts.job("job_1", document.id, created_at=began, not_before=later, deferrals=20),
        facts.job("job_2", document.id, created_at=clock.now(), lease_until=later),
        facts.job("job_3", document.id, created_at=began - DAY, state=JobState.DONE),
    ):
        line.records.write(lambda work, new=job: work.jobs.add(new))  # type: ignore[misc]
    answered, part = jobs_part(line.records)
    assert (answered, part["status"]) == (200, status)
    assert part["detail"].startswith("jobs: 2, the oldest ")
    assert age <= int(part["detail"].split()[-3]) <= age + 60


def test_no_jobs_are_fine(line: Line) -> None:
    assert jobs_part(line.records) == (200, {"status": "ok", "detail": "jobs: none"})


def test_what_cannot_be_read_is_not_called_fine(line: Line) -> None:
    """The database's own part says how bad it is."""

    def away(*_: object) -> None:
        raise RecordsUnavailable("staged")

    line.records.read = away  # type: ignore[method-assign,assignment]
    assert jobs_part(line.records)[1] == {"status": "degraded", "detail": "jobs: unknown"}


def test_whether_grants_are_given_is_told(line: Line) -> None:
    """From the database, at each look; who cannot look does not call it fine."""
    assert ready(line.records)[1]["grants"] == {
        "status": "degraded",
        "detail": "grants: refused, the store is untried",
    }
    now = clock.now()
    proof = StoreProof("http://files.test", "incoming", now, proved_at=now)
    line.records.write(lambda work: work.proofs.record(proof))
    status, parts = ready(line.records, s3_public_url="http://files.test")
    assert (status, parts["grants"]["status"]) == (200, "ok")

    def away(*_: object) -> None:
        raise RecordsUnavailable("staged")

    line.records.glance = away  # type: ignore[method-assign,assignment]
    assert ready(line.records)[1]["grants"] == {"status": "degraded", "detail": "grants: unknown"}


def test_office_previews_that_nobody_makes_are_told(line: Line, redis_url: str) -> None:
    """Who asked for them reads the worker's word, and that there is none; who did not is fine."""

    def word(**settings: Any) -> tuple[str, str]:
        part = ready(line.records, **settings)[1]["office_previews"]
        return part["status"], part["detail"]

    asked = {"office": "on", "redis_url": redis_url}
    assert word() == ("ok", "office previews: off")
    assert word(office="on") == ("degraded", "office previews: unknown")  # no Redis
    assert word(**asked) == ("degraded", "office previews: unknown")
    OfficeWord(redis_url).record("off, for LibreOffice is not installed")
    missing = "office previews: off, for LibreOffice is not installed"
    assert word(**asked) == ("degraded", missing)
    OfficeWord(redis_url).record(ON)
    assert word(**asked) == ("ok", "office previews: on")
    with Redis.from_url(redis_url) as redis:
        assert 0 < redis.ttl("uploads:office-previews") <= 2 * 3600
        redis.flushdb()
