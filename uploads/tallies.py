"""How what each process counts comes together at a scrape: prometheus_client in multiprocess mode.

Each process maps files of its own in one folder and writes numbers into them, without a lock that
any other process knows and without a system call. A scrape adds up all files. The one module that
knows the library.
"""

from __future__ import annotations

import hmac
import os
import struct
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector

from uploads.metrics import METRICS, Kind, Metric, Tally
from uploads.slots import Slots

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of an exposition (prometheus.io, "Exposition formats")."""
Reading = Mapping[Metric, Mapping[tuple[str, ...], float]]
"""What was looked up for a scrape: a value for each set of labels of a metric."""

_LIVE = "gauge_livesum"
# More than all series that a process can have take; where it is not enough files grow.
_ROOM = {"counter": 128 * 1024, "histogram": 512 * 1024, _LIVE: 64 * 1024}
# Who asks every route by every method makes a series of each.
_ROOM_OF_ROUTES = {**_ROOM, "histogram": 2048 * 1024}
_DOUBLE = struct.Struct("d")
_log = structlog.get_logger(__name__)
_slots: Slots | None = None


def begin(folder: Path, *, requests: bool = False) -> bool:
    """Have this process, and those forked from it, count in `folder`; whether that is possible.

    `requests` says that it answers them, and has many more numbers. Where it is not possible, that
    is logged and nothing is counted: files are taken in all the same.
    """
    global _slots  # one a process, by the library's design
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # the library reads it only there
    try:
        slots = Slots(folder, _ROOM_OF_ROUTES if requests else _ROOM, _LIVE)
        values.Lock = _plain_lock()  # type: ignore[attr-defined]
        values.ValueClass = values.MultiProcessValue(slots.mine)  # type: ignore[no-untyped-call]
    except OSError as error:
        _log.error("metrics_off", cause=str(error))
        return False
    _slots = slots
    _bind()
    return True


def _bind() -> None:
    lock = _plain_lock()()
    for metric in METRICS:
        if not metric.read:
            metric.bind(_maker(metric, lock))


def _plain_lock() -> Any:
    """What locks are made of. Among greenlets nobody yields while a number is written, so one for
    threads does: gevent, where it is at work, has kept it; nobody else needs to load gevent."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original("threading", "Lock") if monkey else threading.Lock


def _go_on_in_child() -> None:
    """A forked process counts by a number of its own, or, on a full disk, not at all."""
    if _slots is None:
        return
    _slots.forked()
    try:
        _slots.mine()
        _bind()
    except OSError as error:
        for metric in METRICS:
            metric.bind(None)
        _log.error("metrics_off", cause=str(error))


os.register_at_fork(after_in_child=_go_on_in_child)


def authorized(header: str, token: str) -> bool:
    """Whether an Authorization header brings this bearer token (RFC 6750 section 2.1)."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


def _maker(metric: Metric, lock: Any) -> Callable[[tuple[str, ...]], Tally]:
    # Each number in the files would repeat what the metric says: that is put in at the scrape.
    named = {
        "name": metric.name,
        "documentation": "",
        "labelnames": metric.labels,
        "registry": None,
    }
    made: Counter | Gauge | Histogram
    if metric.kind is Kind.COUNTER:
        made = Counter(**named)  # type: ignore[arg-type]
    elif metric.kind is Kind.GAUGE:
        made = Gauge(**named, multiprocess_mode="livesum")  # type: ignore[arg-type]
    else:
        made = Histogram(**named, buckets=metric.buckets)  # type: ignore[arg-type]
    return partial(_labelled, made, lock)


def _labelled(made: Counter | Gauge | Histogram, lock: Any, labels: tuple[str, ...]) -> Tally:
    one: Any = made.labels(*labels) if labels else made
    return _Spread(one, lock) if isinstance(made, Histogram) else _Number(one._value, lock)


class _Number:
    """A number of the library's in its mapped file, added to in place (its `MmapedValue.inc`).

    The library asks at each step whether this is another process by now: `_go_on_in_child` knows.
    """

    def __init__(self, value: Any, lock: Any) -> None:
        self._lock = lock
        self._map = value._file._m
        self._at = value._file._positions[value._key]
        self._now = value.get()

    def inc(self, amount: float = 1) -> None:
        with self._lock:
            self._now += amount
            _DOUBLE.pack_into(self._map, self._at, self._now)

    def observe(self, amount: float) -> None:
        raise TypeError("a number has no distribution")


class _Spread:
    """A histogram: the sum of all amounts, and how many are in each bucket and in none before."""

    def __init__(self, made: Any, lock: Any) -> None:
        self._bounds = made._upper_bounds
        self._sum = _Number(made._sum, lock)
        self._buckets = [_Number(one, lock) for one in made._buckets]

    def inc(self, amount: float = 1) -> None:
        raise TypeError("a histogram takes single amounts")

    def observe(self, amount: float) -> None:
        self._sum.inc(amount)
        self._buckets[bisect_left(self._bounds, amount)].inc()


def exposition(folder: Path, reading: Reading | None = None) -> bytes:
    """All that the processes of `folder` have counted, and what was looked up, as Prometheus reads
    it.

    Takes some milliseconds for each process. Raises OSError and ValueError where nobody counts.
    """
    if _slots is not None:
        _slots.forget_dead()
    return generate_latest(_All(folder, reading or {}))


class _All:
    """What is collected at once, without the library's registry and its lock.

    Each metric is named, also where it has no number yet.
    """

    def __init__(self, folder: Path, reading: Reading) -> None:
        self._counted = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]
        self._reading = reading

    def collect(self) -> Iterable[Family]:
        counted = {found.name: found for found in self._counted.collect()}  # type: ignore[no-untyped-call]
        for metric in METRICS:
            # A family of counters has its name without the ending.
            name = metric.name.removesuffix("_total")
            family = counted.get(name) or Family(name, metric.says, metric.kind.value)
            family.documentation = metric.says
            for labels, value in self._reading.get(metric, {}).items():
                family.add_sample(name, dict(zip(metric.labels, labels, strict=True)), value)
            yield family
