"""What is counted, kept in memory: for tests that look at numbers and start no processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from uploads.metrics import METRICS, Metric


@dataclass
class Kept:
    """One metric under one set of labels; of an amount it is counted that there was one."""

    counts: Counter[str]
    name: str

    def inc(self, amount: float = 1) -> None:
        self.counts[self.name] += amount  # type: ignore[assignment]

    def observe(self, amount: float) -> None:
        assert amount >= 0
        self.counts[self.name] += 1


@contextmanager
def tallied() -> Iterator[Counter[str]]:
    """Every metric by `name label label`, as it comes."""
    counts: Counter[str] = Counter()

    def bind(metric: Metric) -> None:
        metric.bind(lambda labels: Kept(counts, " ".join((metric.name, *labels))))

    for metric in METRICS:
        bind(metric)
    try:
        yield counts
    finally:
        for metric in METRICS:
            metric.bind(None)
