"""What /readyz and /policy make of canaries: red, alarmed, or silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.line import Line
from uploads import readiness
from uploads.config import Settings
from uploads.config_forms import MIB
from uploads.documents.canaries import Canary
from uploads.documents.policy import Policy
from uploads.wiring import Services

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WELL = Canary(
    *("clamav", "here", NOW, True),
    signatures="27461/2026-11-19",
    reach=100 * MIB,
    unpacks=256 * MIB,
)
ALL = [WELL, replace(WELL, engine="yara"), replace(WELL, engine="structure")]


def services(line: Line, *, scanner: bool = True, **settings: Any) -> Services:
    found = SimpleNamespace(
        settings=Settings(**settings),
        policy=Policy(max_bytes=100 * MIB),
        records=line.records,
        scanner_configured=scanner,
    )
    return cast(Services, found)


def test_engines_that_proved_themselves_are_fine(line: Line) -> None:
    assert readiness.engines_part(services(line), ALL)["status"] == "ok"
    assert readiness.engines_part(services(line, scanner=False), ALL[1:])["status"] == "ok"
    assert readiness.scanner_part(services(line), ALL, NOW) is None


@pytest.mark.parametrize(
    "changes", [{"ok": False, "detail": "called a virus clean"}, {"withdraw_from": NOW}]
)
def test_one_that_failed_anywhere_is_red(line: Line, changes: dict[str, Any]) -> None:
    canaries = [*ALL, replace(WELL, place="there", **changes)]
    part = readiness.engines_part(services(line), canaries)
    assert part["status"] == "unavailable"
    assert "clamav at there" in part["detail"]


def test_one_that_nobody_tried_is_not_known(line: Line) -> None:
    part = readiness.engines_part(services(line), ALL[1:])
    assert part == {"status": "degraded", "detail": "engines: clamav not tried lately"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reach": 25 * MIB}, "reads 26,214,400 of 104,857,600 bytes"),
        ({"unpacks": 128 * MIB}, "unpacks 134,217,728 of 268,435,456 bytes"),
        ({"signatures": "27461/2026-11-16"}, "signatures that are 84 hours old"),
        ({"signatures": None}, "does not say how old"),
    ],
)
def test_a_scanner_that_falls_short_is_told_of(
    line: Line, changes: dict[str, Any], words: str
) -> None:
    """An alarm; where publishing waits for it, the service is unfit."""
    canaries = [replace(WELL, **changes)]
    part = readiness.scanner_part(services(line), canaries, NOW)
    assert part is not None
    assert (part["status"], words in part["detail"]) == ("degraded", True)
    strict = services(line, env="production", signature_hold=True)
    part = readiness.scanner_part(strict, canaries, NOW)
    assert part is not None
    assert part["status"] == "unavailable"


def test_clients_are_told_how_far_it_reads(line: Line) -> None:
    def note(canary: Canary | None, **settings: Any) -> str | None:
        if canary is not None:
            line.records.write(lambda work: work.inspections.put_canary(canary))
        return readiness.scanner_note(services(line, **settings), NOW)

    assert note(None, scanner=False) == "virus scanner: not configured"
    assert note(None) is None
    assert note(WELL) is None
    assert note(replace(WELL, reach=25 * MIB)) == (
        "virus scanner: reads files of up to 26,214,400 bytes"
    )
    # A host of which nothing was heard for long is no more.
    assert note(replace(WELL, reach=1, tried_at=NOW - timedelta(days=1))) is None
