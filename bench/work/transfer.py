"""One large file, sent by the library that a program would use: its parts in parallel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load.apart import Load
from bench.load.upload import BLOCK, film
from bench.measure import Meter, folder_bytes
from bench.memory import touch
from bench.systems.system import Transfer
from bench.trouble import StepFailed
from bench.work.measurement import Measurement, Row
from bench.work.work import MIB, NotKept, Subject, warm_up

DOOR = "library"
_ROOT = Path(__file__).parents[2]
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class LibraryTransfer:
    """One file of `size` bytes, which lies in memory, by the system's own library."""

    name: str
    title: str
    size: int
    only: frozenset[str] | None = frozenset({"direct PUT", "uploads"})
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        running = subject.running
        assert running.transfer is not None, "only a system with a library can be asked"
        warm_up(running, ("raw",), load)
        path = running.kept.parent / "film.mp4"
        _write(path, self.size)
        before = folder_bytes(running.kept)
        touch(self.size + 256 * MIB)
        with Meter(running.trees) as usage:
            seconds = _seconds(running.transfer, path)
        if folder_bytes(running.kept) - before < self.size:
            raise NotKept("the file is not there")
        noted = {"seconds": seconds, "mib_per_s": self.size / MIB / seconds}
        noted["cpu_seconds"] = sum(usage.cpu.values())
        yield Measurement(Row(self.name, subject.name, DOOR, subject.place), noted)


def _write(path: Path, size: int) -> None:
    """A film of this size; written a block at a time."""
    with path.open("wb") as file:
        file.write(film(size))
        while (left := size - file.tell()) > 0:
            file.write(BLOCK[: min(left, len(BLOCK))])


def _seconds(transfer: Transfer, path: Path) -> float:
    """Raises StepFailed with the program's last words."""
    found = os.pathsep.join([str(_ROOT), str(_ROOT / "client" / "src")])
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bench.load.transfer", *transfer.words, str(path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": found, **transfer.env},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise StepFailed(done.stderr[-3000:])
    return float(done.stdout)
