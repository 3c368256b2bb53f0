"""One whole run: every work, every system, several times in turn, each on a fresh start."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.apart import load
from bench.systems.system import System
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
        for turn in range(runs):
            first = turn % len(systems)
            for system in [*systems[first:], *systems[:first]]:
                most = work.own_rounds if system.name in OURS else work.rival_rounds
                rounds = runs if most is None else min(runs, most)
                takes_part = work.only is None or system.name in work.only
                if takes_part and turn < rounds:
                    yield Step(work, system, folder, place, last=turn == rounds - 1)


def measure(planned: Sequence[Step], say: Callable[[str], None]) -> Iterator[Measurement]:
    """Do all steps. What they leave behind is removed after each, whatever happens."""
    begun = time.monotonic()
    with load() as clients:
        for number, step in enumerate(planned, 1):
            folder = step.folder / f"{number}"
            folder.mkdir(parents=True)
            try:
                with step.system.start(folder) as running:
                    doors = step.system.doors
                    subject = Subject(step.system.name, doors, step.place, running, step.last)
                    for found in step.work.run(subject, clients):
                        elapsed = time.monotonic() - begun
                        say(f"{number}/{len(planned)} {_clock(elapsed)}  {_words(found)}")
                        yield found
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _words(found: Measurement) -> str:
    """A line for whoever watches."""
    row, known = found.row, found.figures
    shown = ("mib_per_s", "uploads_per_s", "p50_ms", "web_cpu_seconds", "web_peak_mib", "failed")
    parts = [f"{name}={known[name]:.5g}" for name in shown if name in known]
    if not parts:
        parts = [f"{name}={value:.5g}" for name, value in known.items()]
    failures = f" {found.failures}" if found.failures else ""
    where = "" if row.place == "memory" else f" on {row.place}"
    return f"{row.work}: {row.system} ({row.door}){where}: {' '.join(parts)}{failures}"
