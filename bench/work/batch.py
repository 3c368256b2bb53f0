"""A number of files of one size, a few at a time, as fast as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.load.apart import Load
from bench.load.plan import Plan
from bench.measure import Meter, folder_bytes
from bench.memory import touch
from bench.systems.system import Running, together
from bench.work.measurement import Measurement, Row
from bench.work.work import Subject, check_kept, figures, warm_up

_SETTLE_SECONDS = 600.0
_MORE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """`files` files of `size` bytes, `clients` at a time."""

    name: str
    title: str
    files: int
    size: int
    clients: int
    settles: bool = False
    """Whether files in memory are inspected after the last run, to see that they can be."""
    doors: Mapping[str, tuple[str, ...]] | None = None
    """Doors by system, where they are other than the system's usual ones."""
    only: frozenset[str] | None = None
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = True
    program: bool = False
    """Whether an ordinary program sends them."""

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        doors = (self.doors or {}).get(subject.name, subject.doors)
        idle = warm_up(subject.running, doors, load, program=self.program)
        for place, door in enumerate(doors):
            noted = self._through(subject.running, door, place * self.files, idle, load)
            row = Row(self.name, subject.name, door, subject.place)
            yield Measurement(row, *noted)
        if subject.last and self.settles and subject.place == "memory":
            yield from self._settled(subject)

    def _through(
        self, running: Running, door: str, first: int, idle: float, load: Load
    ) -> tuple[dict[str, float], dict[str, int]]:
        step = together(door)
        uploads = [running.upload(door, first + n, self.size) for n in range(0, self.files, step)]
        before = folder_bytes(running.kept)
        touch(self.files * self.size + _MORE)
        with Meter(running.trees) as usage:
            outcome = load.run(Plan(running.port, self.clients, program=self.program), uploads)
        check_kept(before, folder_bytes(running.kept), outcome, self.size)
        return figures(outcome, usage, self.size, idle), outcome.failures

    def _settled(self, subject: Subject) -> Iterator[Measurement]:
        """What became of the files once the worker was let go on."""
        states = subject.running.settle(_SETTLE_SECONDS)
        if states:
            row = Row(self.name, subject.name, "afterwards", subject.place)
            yield Measurement(row, {state: float(count) for state, count in states.items()})
