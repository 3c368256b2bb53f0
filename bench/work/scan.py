"""Files shown to ClamAV, one after the other, as fast as it looks at them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load.apart import Load
from bench.load.upload import BLOCK, film
from bench.measure import Meter
from bench.trouble import StepFailed
from bench.work.measurement import Measurement, Row
from bench.work.work import MIB, Subject


class NotScanned(StepFailed):
    """Raised when a system has no scanner."""


def films(count: int, size: int) -> Callable[[Path], list[Path]]:
    """Make that many films of `size` bytes, which no two scans can share the result of."""

    def make(folder: Path) -> list[Path]:
        return [_film(folder / f"film-{number}.mp4", number, size) for number in range(count)]

    return make


def _film(path: Path, number: int, size: int) -> Path:
    with path.open("wb") as file:
        file.write(film(size) + number.to_bytes(8, "big"))
        while (left := size - file.tell()) > 0:
            file.write(BLOCK[: min(left, len(BLOCK))])
    return path


@dataclass(frozen=True, slots=True)
class Scan:
    """All files that `make` puts into a folder, each new to ClamAV, which remembers what it saw."""

    name: str
    title: str
    make: Callable[[Path], list[Path]]
    only: frozenset[str] | None = frozenset({"uploads' ClamAV client", "raw clamd"})
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        del load
        running = subject.running
        if running.scan is None:
            raise NotScanned(f"{subject.name} scans nothing")
        paths = self.make(running.kept)
        with Meter(running.trees) as usage:
            begun = time.monotonic()
            for path in paths:
                running.scan(path)
            seconds = time.monotonic() - begun
        size = sum(path.stat().st_size for path in paths)
        figures = {
            "mib_per_s": size / MIB / seconds,
            "ms_per_file": 1000 * seconds / len(paths),
            "cpu_s_per_gib": sum(usage.cpu.values()) / (size / 1024 / MIB),
        }
        yield Measurement(Row(self.name, subject.name, "descriptor", subject.place), figures)
        for path in paths:
            path.unlink()
