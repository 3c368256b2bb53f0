"""Small pictures of photos and of documents' first pages, as many as can be had in a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from bench.load.apart import Load
from bench.measure import Meter
from bench.trouble import StepFailed
from bench.work.measurement import Measurement, Row
from bench.work.work import Subject

_DIFFERENT = 4


class NotDrawn(StepFailed):
    """Raised when there are fewer pictures than files."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """`files` pictures, of a few different files that `make` puts into a folder.

    `doors` has, by system, the forms in which pictures are asked for.
    """

    name: str
    title: str
    files: int
    make: Callable[[Path, int], list[Path]]
    doors: Mapping[str, Sequence[str]]
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    @property
    def only(self) -> frozenset[str]:
        return frozenset(self.doors)

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        del load
        running, draw = subject.running, subject.running.draw
        if draw is None:
            raise NotDrawn(f"{subject.name} draws nothing")
        made = self.make(running.kept, _DIFFERENT)
        paths = list(islice(cycle(made), self.files))
        for door in self.doors[subject.name]:
            draw(door, made)  # all code is loaded, all files are in memory
            with Meter(running.trees) as usage:
                begun = time.monotonic()
                sizes = draw(door, paths)
                seconds = time.monotonic() - begun
            if len(sizes) != len(paths) or not all(sizes):
                raise NotDrawn(f"{len(sizes)} pictures of {len(paths)} files")
            figures = {
                "pictures_per_s": len(sizes) / seconds,
                "cpu_ms_per_picture": 1000 * sum(usage.cpu.values()) / len(sizes),
                "kib_per_picture": sum(sizes) / len(sizes) / 1024,
            }
            yield Measurement(Row(self.name, subject.name, door, subject.place), figures)
