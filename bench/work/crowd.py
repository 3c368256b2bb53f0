"""Many slow clients at once, and a normal one beside them each second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.load.apart import Load
from bench.load.outcome import Outcome
from bench.load.pacing import Pace
from bench.load.plan import Plan
from bench.load.upload import Upload
from bench.measure import Meter, folder_bytes
from bench.systems.system import Running
from bench.work.measurement import Measurement, Row, percentile
from bench.work.work import Subject, check_kept, figures, warm_up

_PIECE = 16 * 1024
_RAMP_SECONDS = 1.0
_PATIENCE = 2.0  # times the ideal: then whoever was not served leaves
_NORMAL_BYTES = 100 * 1024
_IDLE_UPLOADS, _IDLE_SPACING = 10, 0.5


@dataclass(frozen=True, slots=True)
class Crowd:
    """`clients` clients that each send `size` bytes over `seconds`; all connect within a second."""

    name: str
    title: str
    clients: int
    size: int
    seconds: float
    only: frozenset[str] | None = None
    own_rounds: int | None = None
    rival_rounds: int | None = 1
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        running, door = subject.running, subject.doors[0]
        idle = warm_up(running, (door,), load)
        alone = load.run(
            Plan(running.port, _IDLE_UPLOADS, spacing=_IDLE_SPACING),
            [running.upload(door, 1_000_000 + n, _NORMAL_BYTES) for n in range(_IDLE_UPLOADS)],
        )
        uploads = [running.upload(door, number, self.size) for number in range(self.clients)]
        before = folder_bytes(running.kept)
        with Meter(running.trees) as usage:
            beside = load.begin(self._normal(running), self._normal_uploads(running, door))
            slow = load.run(self._slow(running), uploads)
            normal = beside.result()
        check_kept(before, folder_bytes(running.kept), slow, self.size)
        noted = figures(slow, usage, self.size, idle)
        noted |= {"ideal_seconds": self.seconds, "times_ideal": slow.seconds / self.seconds}
        noted |= {f"idle_{name}": value for name, value in _answers(alone).items()}
        noted |= {f"normal_{name}": value for name, value in _answers(normal).items()}
        yield Measurement(Row(self.name, subject.name, door, subject.place), noted, slow.failures)

    def _slow(self, running: Running) -> Plan:
        return Plan(
            running.port,
            self.clients,
            spacing=_RAMP_SECONDS / self.clients,
            pace=Pace.over(self.size, self.seconds, _PIECE),
            deadline=_PATIENCE * self.seconds,
        )

    def _normal(self, running: Running) -> Plan:
        """One upload each second while the slow ones ideally last, each with time to the end."""
        return Plan(running.port, int(self.seconds), spacing=1.0, deadline=_PATIENCE * self.seconds)

    def _normal_uploads(self, running: Running, door: str) -> list[Upload]:
        count = int(self.seconds)
        return [running.upload(door, 2_000_000 + n, _NORMAL_BYTES) for n in range(count)]


def _answers(outcome: Outcome) -> dict[str, float]:
    noted: dict[str, float] = {"succeeded": outcome.succeeded, "failed": outcome.failed}
    if outcome.latencies:
        # Who failed waited longer than all who did not.
        waits = outcome.latencies + [outcome.seconds] * outcome.failed
        noted["p50_ms"] = 1000 * percentile(waits, 0.5)
        noted["p99_ms"] = 1000 * percentile(waits, 0.99)
    return noted
