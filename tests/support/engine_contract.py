"""What every inspection engine must do, whatever it looks for. Run by all of them, and by fakes
that break it on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from uploads.documents.model import EngineReport, Outcome
from workers.inspection.engine import Engine, EngineUnavailable, Subject

NAMES = {"clamav", "yara", "structure"}


@dataclass(frozen=True)
class Bench:
    """An engine, a folder to work in, and (type, bytes) that it must pass and must not pass."""

    engine: Engine
    folder: Path
    good: tuple[str, bytes]
    bad: tuple[str, bytes]

    def subject(self, sample: tuple[str, bytes], name: str = "a.bin") -> Subject:
        kind, data = sample
        path = self.folder / "subject"
        path.write_bytes(data)
        return Subject(path, len(data), hashlib.sha256(data).hexdigest(), kind, name)

    def inspect(self, sample: tuple[str, bytes], name: str = "a.bin") -> EngineReport:
        return self.engine.inspect(self.subject(sample, name))


def good_is_clean(bench: Bench) -> None:
    assert bench.inspect(bench.good).outcome is Outcome.CLEAN


def bad_is_not_clean(bench: Bench) -> None:
    assert bench.inspect(bench.bad).outcome in (Outcome.INFECTED, Outcome.UNSCANNABLE)


def report_is_well_formed(bench: Bench) -> None:
    assert bench.engine.name in NAMES
    for sample in (bench.good, bench.bad):
        report = bench.inspect(sample)
        assert report.name == bench.engine.name
        assert report.version
        assert (report.reason is not None) == (report.outcome is Outcome.UNSCANNABLE)
        assert (report.finding is not None) or report.outcome is not Outcome.INFECTED


def same_bytes_get_the_same_answer(bench: Bench) -> None:
    for sample in (bench.bad, bench.good):
        assert bench.inspect(sample) == bench.inspect(sample)


def the_name_decides_nothing(bench: Bench) -> None:
    expected = bench.inspect(bench.bad)
    for name in ("../../etc/passwd", "a\nstream: OK"):
        assert bench.inspect(bench.bad, name) == expected


def the_file_is_left_as_it_was(bench: Bench) -> None:
    subject = bench.subject(bench.good)
    bench.engine.inspect(subject)
    assert subject.path.read_bytes() == bench.good[1]
    assert list(bench.folder.iterdir()) == [subject.path]


def no_file_means_unavailable(bench: Bench) -> None:
    subject = bench.subject(bench.good)
    subject.path.unlink()
    try:
        report = bench.engine.inspect(subject)
    except EngineUnavailable:
        return
    raise AssertionError(f"a file that is gone was {report.outcome}")


CLAIMS: tuple[Callable[[Bench], None], ...] = (
    good_is_clean,
    bad_is_not_clean,
    report_is_well_formed,
    same_bytes_get_the_same_answer,
    the_name_decides_nothing,
    the_file_is_left_as_it_was,
    no_file_means_unavailable,
)
