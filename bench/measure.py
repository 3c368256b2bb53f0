"""What processes cost: CPU time and memory of whole trees, from /proc (proc(5)).

Knows processes by number and nothing of what they do.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PERIOD = 0.1
# Reading a large process's page tables takes time itself: at most a thirtieth of all time.
_REST = 30


def tree(roots: Iterable[int]) -> list[int]:
    """The processes `roots` and all that descend from them, as far as they are alive."""
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += [int(word) for word in children.read_text().split()]
            except OSError:
                continue  # the thread ended
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time that the trees have used so far, children that ended and were reaped included."""
    return sum(_cpu(pid) for pid in tree(roots))


def _cpu(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name in parentheses may hold anything; utime, stime, cutime, cstime are fields 14-17.
    fields = stat.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def memory_bytes(roots: Iterable[int]) -> int:
    """Proportional set size of the trees: what is shared counts once among those who share it."""
    return sum(_memory(pid) for pid in tree(roots))


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


@dataclass(slots=True)
class Usage:
    """What the trees named by a word cost in a while: CPU in seconds, peak memory in bytes."""

    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)


class Meter:
    """Measures trees while a block runs: `with Meter({"web": [pid]}) as usage:`."""

    def __init__(self, trees: dict[str, list[int]]) -> None:
        self._trees = trees
        self._usage = Usage()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Usage:
        self._look()
        self._usage.cpu = {name: -cpu_seconds(roots) for name, roots in self._trees.items()}
        self._thread.start()
        return self._usage

    def __exit__(self, *_: object) -> None:
        for name, roots in self._trees.items():
            self._usage.cpu[name] += cpu_seconds(roots)
        self._stopped.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        pause = _PERIOD
        while not self._stopped.wait(pause):
            begun = time.monotonic()
            self._look()
            pause = max(_PERIOD, _REST * (time.monotonic() - begun))

    def _look(self) -> None:
        for name, roots in self._trees.items():
            self._usage.peak[name] = max(self._usage.peak.get(name, 0), memory_bytes(roots))
