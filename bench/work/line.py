"""The way of a document through the worker: fetched, inspected, published, drawn twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from bench.load.apart import Load
from bench.load.plan import Plan
from bench.load.upload import Upload
from bench.measure import Meter
from bench.trouble import StepFailed
from bench.work.measurement import Measurement, Row
from bench.work.work import MIB, Subject

_DIFFERENT, _CLIENTS = 4, 4
_SECONDS = 600.0


class NotClean(StepFailed):
    """Raised when a document was not taken, or did not end as clean."""


@dataclass(frozen=True, slots=True)
class Line:
    """`files` documents, of a few different ones that `make` puts into a folder.

    All of them are uploaded while the workers stand still; the time is from their first step to
    the last picture.
    """

    name: str
    title: str
    files: int
    make: Callable[[Path, int], list[Path]]
    only: frozenset[str] | None
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        running = subject.running
        assert running.post is not None, "only a service that inspects can be asked"
        made = [running.post(path) for path in self.make(running.kept.parent, _DIFFERENT)]
        self._send(subject, load, made)
        running.settle(_SECONDS)  # all code is loaded
        running.pause()
        self._send(subject, load, list(islice(cycle(made), self.files)))
        with Meter(running.trees) as usage:
            begun = time.monotonic()
            states = running.settle(_SECONDS)
            seconds = time.monotonic() - begun
        if states != {"clean": self.files + _DIFFERENT}:
            raise NotClean(f"they ended as {states}")
        figures = {
            "documents_per_s": self.files / seconds,
            "worker_cpu_ms_per_document": 1000 * usage.cpu["worker"] / self.files,
            "cpu_ms_per_document": 1000 * sum(usage.cpu.values()) / self.files,
            "worker_peak_mib": usage.peak["worker"] / MIB,
            "store_peak_mib": usage.peak["store"] / MIB,
        }
        yield Measurement(Row(self.name, subject.name, "worker", subject.place), figures)

    def _send(self, subject: Subject, load: Load, uploads: list[Upload]) -> None:
        outcome = load.run(Plan(subject.running.port, _CLIENTS), uploads)
        if outcome.failed:
            raise NotClean(f"not taken: {outcome.failures}")
