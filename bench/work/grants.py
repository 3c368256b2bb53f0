"""Signed permissions to upload, asked for as fast as it goes; nothing is uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.load.apart import Load
from bench.load.plan import Plan
from bench.measure import Meter, memory_bytes
from bench.work.measurement import Measurement, Row, percentile
from bench.work.work import MIB, Subject

DOOR = "grant"
GRANTING = frozenset({"uploads", "uploads on PostgreSQL", "@uppy/companion"})
_WARM = 200


@dataclass(frozen=True, slots=True)
class Grants:
    """`count` grants, `clients` at a time, each for a file of 1 MiB."""

    name: str
    title: str
    count: int
    clients: int
    only: frozenset[str] | None = GRANTING
    own_rounds: int | None = None
    rival_rounds: int | None = None
    on_disk: bool = False

    def run(self, subject: Subject, load: Load) -> Iterator[Measurement]:
        running, plan = subject.running, Plan(subject.running.port, self.clients)
        running.pause()
        load.run(plan, [running.upload(DOOR, 90_000_000 + n, MIB) for n in range(_WARM)])
        idle = memory_bytes(running.trees["web"])
        asked = [running.upload(DOOR, number, MIB) for number in range(self.count)]
        with Meter(running.trees) as usage:
            outcome = load.run(plan, asked)
        count, cpu = outcome.succeeded, sum(usage.cpu.values())
        noted: dict[str, float] = {"failed": outcome.failed, "succeeded": count}
        if count:
            noted |= {
                "grants_per_s": count / outcome.seconds,
                "p50_ms": 1000 * percentile(outcome.latencies, 0.5),
                "p99_ms": 1000 * percentile(outcome.latencies, 0.99),
                "web_cpu_ms_per_grant": 1000 * usage.cpu["web"] / count,
                "cpu_ms_per_grant": 1000 * cpu / count,
                "client_cpu_ms_per_grant": 1000 * outcome.cpu / count,
                "web_idle_mib": idle / MIB,
                "web_peak_mib": usage.peak["web"] / MIB,
            }
        row = Row(self.name, subject.name, DOOR, subject.place)
        yield Measurement(row, noted, outcome.failures)
