"""What every work has: a name, who takes part, and how one run of it goes on a started system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bench.load.apart import Load
from bench.load.outcome import Outcome
from bench.load.plan import Plan
from bench.measure import Usage, memory_bytes
from bench.systems.system import Running
from bench.trouble import StepFailed
from bench.work.measurement import Measurement, percentile

MIB = 1024 * 1024
_WARM_FILES, _WARM_BYTES, _WARM_CLIENTS = 32, 100 * 1024, 8


class NotKept(StepFailed):
    """Raised when a system answered that it had a file, and the file's bytes are not there."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A started system: its name, the doors to go through, and where its data are."""

    name: str
    doors: tuple[str, ...]
    place: str
    running: Running
    last: bool
    """Whether this is the last run: the one after which files are left to be inspected."""
    another: Callable[[], AbstractContextManager[Running]]
    """Starts the system once more beside it, on data of its own."""


class Work(Protocol):
    """One kind of load.

    `only` names the systems that take part, None for all that take files. `own_rounds` and
    `rival_rounds` are the most runs of this service and of the others, None for as many as were
    asked for.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def only(self) -> frozenset[str] | None: ...

    @property
    def own_rounds(self) -> int | None: ...

    @property
    def rival_rounds(self) -> int | None: ...

    @property
    def on_disk(self) -> bool: ...

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        """Do it once, through each door that it is about."""


def warm_up(
    running: Running, doors: tuple[str, ...], load: Load, *, program: bool = False
) -> float:
    """Stop what is not intake, then send a few small files, so that all code is loaded.

    Returns the idle memory of the web tree after it, in bytes. Raises NotKept when not even these
    files are taken.
    """
    running.pause()
    for door in doors:
        uploads = [running.upload(door, 90_000_000 + n, _WARM_BYTES) for n in range(_WARM_FILES)]
        outcome = load.run(Plan(running.port, _WARM_CLIENTS, program=program), uploads)
        if outcome.failed:
            raise NotKept(f"the warm-up failed: {outcome.failures}")
    return memory_bytes(running.trees.get("web", []))


def figures(outcome: Outcome, usage: Usage, size: int, idle: float) -> dict[str, float]:
    """The figures that every work shares. `size` is the bytes of one file, `idle` bytes."""
    count = outcome.succeeded
    cpu = sum(usage.cpu.values())
    noted = {
        "seconds": outcome.seconds,
        "succeeded": count,
        "failed": outcome.failed,
        "cpu_seconds": cpu,
        "client_cpu_seconds": outcome.cpu,
    }
    if count:
        noted |= {
            "mib_per_s": count * size / MIB / outcome.seconds,
            "uploads_per_s": count / outcome.seconds,
            "p50_ms": 1000 * percentile(outcome.latencies, 0.5),
            "p99_ms": 1000 * percentile(outcome.latencies, 0.99),
            "cpu_s_per_gib": cpu / (count * size / 1024 / MIB),
            "cpu_ms_per_upload": 1000 * cpu / count,
        }
    for name in usage.peak:
        noted[f"{name}_peak_mib"] = usage.peak[name] / MIB
    if "web" in usage.cpu:
        noted["web_cpu_seconds"] = usage.cpu["web"]
        noted["web_idle_mib"] = idle / MIB
        noted["web_growth_mib"] = (usage.peak["web"] - idle) / MIB
        if count:
            noted["web_cpu_s_per_gib"] = usage.cpu["web"] / (count * size / 1024 / MIB)
            noted["web_cpu_ms_per_upload"] = 1000 * usage.cpu["web"] / count
    return noted


def check_kept(before: int, after: int, outcome: Outcome, size: int) -> None:
    """Raises NotKept when the folder did not grow by what was answered with success."""
    if after - before < outcome.succeeded * size:
        missing = outcome.succeeded * size - (after - before)
        raise NotKept(f"{missing} bytes of files that were accepted are not there")
