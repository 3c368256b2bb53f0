"""How cost grows: memory with the size of a file, the work of an upload with the library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.load.apart import Load
from bench.load.plan import Plan
from bench.measure import Meter, folder_bytes
from bench.systems.system import Running
from bench.work.measurement import Measurement, Row
from bench.work.work import MIB, Subject, check_kept, figures, warm_up

OURS = frozenset({"uploads"})


@dataclass(frozen=True, slots=True)
class FileGrowth:
    """One file after the other, each larger than the last; the peak of memory during each."""

    name: str
    title: str
    sizes: tuple[int, ...]
    only: frozenset[str] | None = OURS
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        running, door = subject.running, subject.doors[0]
        idle = warm_up(running, (door,), load)
        noted: dict[str, float] = {"web_idle_mib": idle / MIB}
        for number, size in enumerate(self.sizes):
            before = folder_bytes(running.kept)
            with Meter(running.trees) as usage:
                outcome = load.run(Plan(running.port, 1), [running.upload(door, number, size)])
            check_kept(before, folder_bytes(running.kept), outcome, size)
            noted[f"peak_mib_at_{size // MIB}_mib"] = usage.peak["web"] / MIB
            noted["failed"] = noted.get("failed", 0) + outcome.failed
        peaks = [value for name, value in noted.items() if name.startswith("peak_mib_at_")]
        noted["change_mib"] = max(abs(peak - peaks[0]) for peak in peaks)
        yield Measurement(Row(self.name, subject.name, door, subject.place), noted)


@dataclass(frozen=True, slots=True)
class LibraryGrowth:
    """The same small uploads into an empty library and into one of many documents.

    Each in a service of its own.
    """

    name: str
    title: str
    documents: int
    files: int
    size: int
    clients: int
    turns: int = 9
    only: frozenset[str] | None = OURS
    own_rounds: int | None = 1
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        """Both beside each other, in turns: a machine changes its speed from minute to minute."""
        door, row = subject.doors[0], Row(self.name, subject.name, subject.doors[0], subject.place)
        with subject.another() as full:
            assert full.fill is not None, "only a system with a library can be filled"
            full.fill(self.documents)
            by_word = {"empty": subject.running, "full": full}
            for running in by_word.values():
                warm_up(running, (door,), load)
            for turn in range(self.turns):
                noted: dict[str, float] = {}
                for word in sorted(by_word, reverse=turn % 2 == 1):
                    found = self._turn(by_word[word], door, turn, load)
                    noted |= {f"{name}_{word}": value for name, value in found.items()}
                yield Measurement(row, noted)

    def _turn(self, running: Running, door: str, turn: int, load: Load) -> dict[str, float]:
        uploads = [
            running.upload(door, turn * self.files + n, self.size) for n in range(self.files)
        ]
        with Meter(running.trees) as usage:
            outcome = load.run(Plan(running.port, self.clients), uploads)
        noted = figures(outcome, usage, self.size, 0.0)
        kept = ("failed", "p50_ms", "web_cpu_ms_per_upload", "uploads_per_s")
        return {name: noted[name] for name in kept if name in noted}
