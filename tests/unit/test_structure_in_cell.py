"""The engines of the parser cell in the real cell, and what a captured cell may not do."""

from __future__ import annotations

import hashlib
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import benign_files, packed_files
from uploads.documents.model import Outcome
from uploads.documents.readers.limits import Limits
from workers.inspection.engine import EngineSlowed, EngineUnavailable, Spent, Subject
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.sandbox.parent import (
    Cell,
    CellBroken,
    CellCrashed,
    CellSlow,
    CellTimeout,
    Measure,
    Reply,
    Usage,
)

BENIGN = benign_files.all_files() | packed_files.packed_honest()
CELL = Cell(seconds=120, memory_bytes=1024 * 1024 * 1024)


def subject(folder: Path, media_type: str, data: bytes) -> Subject:
    path = folder / "subject"
    path.write_bytes(data)
    return Subject(path, len(data), hashlib.sha256(data).hexdigest(), media_type, "a")


@pytest.mark.parametrize("label", BENIGN)
def test_honest_files_are_clean_in_the_cell(label: str, tmp_path: Path) -> None:
    """Confinement takes away files and imports: nothing may be needed that was not warmed up."""
    file = subject(tmp_path, *BENIGN[label])
    for engine in (Yara(CELL), Structure(CELL)):
        report = engine.inspect(file)
        assert (report.outcome, report.finding) == (Outcome.CLEAN, None)


def test_a_slow_rule_ends_as_timeout(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    # As slow as that for this file only: warm-up has samples of its own.
    (rules / "slow.yar").write_text(
        'rule slow { condition: kind == "text/csv" and '
        "for all i in (0..1000000000): (uint8(i % filesize) < 255) }"
    )
    engine = Yara(Cell(seconds=120, memory_bytes=1024**3), rules_dir=rules)
    file = subject(tmp_path, "text/csv", b"text" * 100)
    report = engine.inspect(replace(file, cpu_seconds=1, spent=Spent()))
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, "timeout")
    # By the clock alone it is no word: others may have had the processors.
    with pytest.raises(EngineSlowed):
        engine.inspect(replace(file, deadline=time.monotonic() + 1))


def test_memory_that_runs_out_is_a_bomb(tmp_path: Path) -> None:
    """A nested archive is held in memory; there is no other place in the cell."""
    inner = benign_files.pack({"b": bytes(160 << 20)}, stored=("b",))
    data = benign_files.pack({"a.zip": inner})
    tight = Cell(seconds=120, memory_bytes=64 * 1024 * 1024)
    engine = Structure(tight, Limits(ratio=10_000))
    report = engine.inspect(subject(tmp_path, "application/zip", data))
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, "bomb")


class Says:
    """A cell that answers what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def run(self, task: str, file: Any, options: Any = None, **_: Any) -> Reply:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Reply(self.answer, b"")


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"outcome": "error"},
        {"outcome": None},
        {"outcome": []},
        {"outcome": {"clean": 1}},
        {"outcome": "CLEAN"},
        {"outcome": "clean", "finding": "x"},
        {"outcome": "clean", "reason": "bomb"},
        {"outcome": "clean", "finding": ""},
        {"outcome": "unscannable"},
        {"outcome": "unscannable", "reason": "fine"},
        {"outcome": "unscannable", "reason": ["bomb"]},
        {"outcome": "infected", "reason": "x"},
    ],
)
def test_an_answer_out_of_form_is_never_clean(result: dict[str, Any], tmp_path: Path) -> None:
    report = Structure(Says(result)).inspect(subject(tmp_path, "text/plain", b"x"))
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, "malformed-file")


@pytest.mark.parametrize("finding", [None, 7, "a\nb", "x" * 201, ""])
def test_a_finding_out_of_form_loses_its_name_but_stays(finding: Any, tmp_path: Path) -> None:
    answer = {"outcome": "infected", "finding": finding}
    report = Yara(Says(answer)).inspect(subject(tmp_path, "text/plain", b"x"))
    assert (report.outcome, report.finding) == (Outcome.INFECTED, "unnamed")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (CellTimeout("late"), "timeout"),
        (CellCrashed(f"signal {signal.SIGSEGV}"), "malformed-file"),
    ],
)
def test_a_child_that_dies_over_a_file_refuses_it(
    failure: Exception, reason: str, tmp_path: Path
) -> None:
    for engine in (Yara(Says(failure)), Structure(Says(failure))):
        report = engine.inspect(subject(tmp_path, "text/plain", b"x"))
        assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, reason)


@pytest.mark.parametrize(
    "late", [CellSlow("by the clock"), {"outcome": "unscannable", "reason": "timeout"}]
)
def test_a_child_that_is_late_by_the_clock_alone_says_nothing(late: Any, tmp_path: Path) -> None:
    """Another process on a busy machine, or one that was stopped, took its time."""
    for engine in (Yara(Says(late)), Structure(Says(late))):
        with pytest.raises(EngineSlowed):
            engine.inspect(subject(tmp_path, "text/plain", b"x"))


class Takes:
    """A cell whose children take so many processor seconds, or more than they may."""

    def __init__(self, seconds: float) -> None:
        self.usage = Usage(seconds)

    def run(self, *_: Any, measure: Measure, **__: Any) -> Reply:
        if self.usage.cpu_seconds > measure.cpu_seconds:
            raise CellTimeout("used up", usage=self.usage)
        return Reply({"outcome": "clean"}, usage=self.usage)


def test_all_readers_share_the_processor_time_of_one_file(tmp_path: Path) -> None:
    file = replace(subject(tmp_path, "text/plain", b"x"), cpu_seconds=30, spent=Spent())
    assert Structure(Takes(18)).inspect(file).outcome is Outcome.CLEAN
    report = Yara(Takes(18)).inspect(file)
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, "timeout")
    assert file.spent.cpu_seconds == 36


@pytest.mark.parametrize("failure", [CellBroken("no start"), OSError("no more processes")])
def test_a_child_that_never_saw_the_file_means_unavailable(
    failure: Exception, tmp_path: Path
) -> None:
    with pytest.raises(EngineUnavailable):
        Structure(Says(failure)).inspect(subject(tmp_path, "text/plain", b"x"))
