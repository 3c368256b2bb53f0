"""What is noted of one run, and the medians of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """Which line of the table: a work, a system, the door it was spoken to through, a place."""

    work: str
    system: str
    door: str
    place: str = "memory"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run. `figures` by name, with the unit in the name; `failures` by a word for each."""

    row: Row
    figures: dict[str, float]
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of all runs of a row; `failures` are added up over them."""

    row: Row
    runs: int
    figures: dict[str, float]
    failures: dict[str, int]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank).

    Raises ValueError without values.
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 100) // 100))
    return ordered[rank - 1]


def summaries(measurements: Iterable[Measurement]) -> dict[Row, Summary]:
    """One summary a row, in the order in which the rows first came."""
    grouped: dict[Row, list[Measurement]] = {}
    for one in measurements:
        grouped.setdefault(one.row, []).append(one)
    return {row: _summary(row, runs) for row, runs in grouped.items()}


def rounds(measurements: Iterable[Measurement]) -> list[dict[Row, Summary]]:
    """The first run of each row, then the second of each, and so on.

    Systems take turns, so what is in one round was measured within minutes.
    """
    turns: list[list[Measurement]] = []
    seen: Counter[Row] = Counter()
    for one in measurements:
        turn = seen[one.row]
        seen[one.row] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(one)
    return [summaries(turn) for turn in turns]


def _summary(row: Row, runs: list[Measurement]) -> Summary:
    names = dict.fromkeys(name for run in runs for name in run.figures)
    figures = {
        name: median([run.figures[name] for run in runs if name in run.figures]) for name in names
    }
    failures: dict[str, int] = {}
    for run in runs:
        for what, count in run.failures.items():
            failures[what] = failures.get(what, 0) + count
    return Summary(row, len(runs), figures, failures)
