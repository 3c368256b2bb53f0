"""The line of the log by which platforms find the number of workers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from tests.support import facts
from tests.support.line import Line
from uploads import clock, logs
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import JobKind
from uploads.records.protocol import Records
from workers import beat, telling
from workers.telling import Teller

Lines = Callable[[], list[dict[str, Any]]]
SCALING = Path(__file__).parents[2] / "infra/terraform/modules/service/scaling.tf"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What the log has had, each line as its platform reads it."""
    written = io.StringIO()
    told = structlog.wrap_logger(
        structlog.WriteLogger(written),
        processors=[logs.redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    monkeypatch.setattr(telling, "_log", told)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_the_line_tells_for_how_long_each_kind_has_waited(line: Line, lines: Lines) -> None:
    now = clock.now()
    document = line.accept(b"hello")
    old = facts.job(
        "job_1", document.id, kind=JobKind.RENDER, not_before=now - timedelta(seconds=90)
    )
    line.records.write(lambda work: work.jobs.add(old))
    Teller(line.records, 60, lambda: now).tell()
    (said,) = lines()
    assert said["event"] == "backlog"
    assert said["render_seconds"] == 90.0
    assert said["inspect_seconds"] > 90  # the document's own job, accepted long ago
    assert (said["release_seconds"], said["rescan_seconds"]) == (0.0, 0.0)


def test_a_database_that_is_away_is_no_empty_queue(lines: Lines) -> None:
    def away(_unit: object) -> None:
        raise RecordsUnavailable("gone")

    Teller(cast(Records, SimpleNamespace(read=away)), 60).tell()
    (said,) = lines()
    assert (said["event"], said["cause"]) == ("backlog_not_read", "gone")
    assert not [name for name in said if name.endswith("_seconds")]


def test_what_scales_on_aws_finds_its_numbers_in_that_line(line: Line, lines: Lines) -> None:
    Teller(line.records, 60).tell()
    (said,) = lines()
    text = SCALING.read_text()
    assert re.findall(r'\$\.event = \\"(\w+)\\"', text) == [said["event"]]
    assert '"$.${each.key}_seconds"' in text
    (kinds,) = re.findall(r"for_each = toset\(\[(.*)\]\)", text)
    assert {f"{kind}_seconds" for kind in re.findall(r"\w+", kinds)} == {
        name for name in said if name.endswith("_seconds")
    }


@pytest.mark.parametrize(("seconds", "told"), [(0, []), (60, [60])])
def test_the_schedule_tells_where_it_is_asked_to(
    seconds: int, told: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, backlog_log_seconds=seconds)
    started: list[int] = []

    def of(given: Settings) -> Any:
        return SimpleNamespace(start=lambda: started.append(given.backlog_log_seconds))

    monkeypatch.setattr(beat.Settings, "load", lambda: settings)
    monkeypatch.setattr(beat.tallies, "begin", lambda _: True)
    monkeypatch.setattr(Teller, "of", of)
    beat._begin()
    assert started == told
