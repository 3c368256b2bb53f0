"""One whole run: every work, every system, several times in turn, each on a fresh start."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.apart import Load, load
from bench.systems.system import System
from bench.trouble import StepFailed
from bench.work.growth import OURS
from bench.work.measurement import Measurement
from bench.work.work import Subject, Work


@dataclass(frozen=True, slots=True)
class Step:
    """One run of one work on one system; `last` is the last one of this pair."""

    work: Work
    system: System
    folder: Path
    place: str
    last: bool


def steps(
    works: Sequence[Work], systems: Sequence[System], runs: int, folder: Path, place: str
) -> Iterator[Step]:
    """In the order in which they are done: systems take turns, and who begins changes."""
    for work in works:
        takers = [one for one in systems if _takes_part(work, one)]
        for turn in range(runs if takers else 0):
            first = turn % len(takers)
            for system in [*takers[first:], *takers[:first]]:
                most = work.own_rounds if system.name in OURS else work.rival_rounds
                rounds = runs if most is None else min(runs, most)
                if turn < rounds:
                    yield Step(work, system, folder, place, last=turn == rounds - 1)


def _takes_part(work: Work, system: System) -> bool:
    """Those that it names; without a name all that take files."""
    return bool(system.doors) if work.only is None else system.name in work.only


class Session:
    """Does steps. `failed` has a sentence for each that came to nothing."""

    def __init__(self, planned: Sequence[Step], say: Callable[[str], None]) -> None:
        self._planned = planned
        self._say = say
        self._begun = time.monotonic()
        self.failed: list[str] = []

    def measure(self) -> Iterator[Measurement]:
        """Do all steps. What one leaves behind is removed before the next, whatever happens."""
        with load() as clients:
            for number, step in enumerate(self._planned, 1):
                try:
                    for found in self._done(number, step, clients):
                        self._tell(number, _words(found))
                        yield found
                except StepFailed as error:
                    self._fail(number, step, str(error))
                except Exception as error:  # noqa: BLE001 -- an hour's figures are not lost for it
                    self._fail(number, step, f"{type(error).__name__}: {error}")

    def _done(self, number: int, step: Step, clients: Load) -> Iterator[Measurement]:
        folder = step.folder / f"{number}"
        folder.mkdir(parents=True)
        try:
            with step.system.start(folder) as running:
                subject = Subject(
                    step.system.name,
                    step.system.doors,
                    step.place,
                    running,
                    step.last,
                    another=lambda: step.system.start(_new(folder / "another")),
                )
                yield from step.work.run(subject, clients)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _fail(self, number: int, step: Step, why: str) -> None:
        self.failed.append(f"{step.work.name}: {step.system.name}: {why}")
        self._tell(number, self.failed[-1])

    def _tell(self, number: int, words: str) -> None:
        elapsed = time.monotonic() - self._begun
        self._say(f"{number}/{len(self._planned)} {_clock(elapsed)}  {words}")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _words(found: Measurement) -> str:
    """A line for whoever watches."""
    row, known = found.row, found.figures
    shown = (
        "mib_per_s",
        "uploads_per_s",
        "pictures_per_s",
        "documents_per_s",
        "p50_ms",
        "web_cpu_seconds",
        "web_peak_mib",
        "failed",
    )
    parts = [f"{name}={known[name]:.5g}" for name in shown if name in known]
    if not parts:
        parts = [f"{name}={value:.5g}" for name, value in known.items()]
    failures = f" {found.failures}" if found.failures else ""
    where = "" if row.place == "memory" else f" on {row.place}"
    return f"{row.work}: {row.system} ({row.door}){where}: {' '.join(parts)}{failures}"
