"""What is looked up for a scrape: queues, engines, disks. Bounded, and at most every few seconds.

Four short queries, however often and by however many it is asked; each web process gives the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from uploads import clock, disk, readiness
from uploads.bounded import Bounded, Late
from uploads.documents.canaries import Canary
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import JobKind
from uploads.documents.proofs import Standing, standing
from uploads.metrics import (
    DATABASE,
    DELIVERIES_OLDEST,
    DELIVERIES_WAITING,
    DISK_FREE,
    DISK_RESERVE,
    ENGINE_PROVED,
    JOBS_OLDEST,
    JOBS_WAITING,
    SCANNER,
    SIGNATURE_AGE,
    STORE_PROVED,
    Metric,
)
from uploads.wiring import Services

_KEPT_SECONDS = 5.0
_SECONDS = 4.0  # a scrape waits ten, and a database that hangs says nothing
_Values = dict[Metric, dict[tuple[str, ...], float]]
_log = structlog.get_logger(__name__)


class Gauges:
    """Looks things up, and gives what it found again for some seconds."""

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._monotonic = monotonic
        self._found: _Values = {}
        self._found_at = float("-inf")
        self._database = Bounded(self._look_up)

    def read(self) -> _Values:
        """A value for each set of labels of each metric; what cannot be read is not among them."""
        now = self._monotonic()
        if now - self._found_at >= _KEPT_SECONDS:
            self._found_at = now  # before the looking: who asks meanwhile is given the last ones
            self._found = self._look()
        return self._found

    def _look(self) -> _Values:
        found: _Values = {
            SCANNER: {(): float(self._services.scanner_configured)},
            **self._disks(),
        }
        try:
            found |= self._database.begin().outcome(_SECONDS)
        except (RecordsUnavailable, Late) as error:
            cause = error.cause if isinstance(error, RecordsUnavailable) else "no answer in time"
            _log.warning("metrics_not_read", cause=cause)
            return found | {DATABASE: {(): 0.0}}
        return found | {DATABASE: {(): 1.0}}

    def _look_up(self) -> _Values:
        now = clock.now()
        return {**self._queues(now), **self._engines(now), **self._store(now)}

    def _queues(self, now: datetime) -> _Values:
        jobs, (deliveries, due) = self._services.records.read(
            lambda work: (work.jobs.backlog(), work.deliveries.backlog(now))
        )
        none = (0, now)
        return {
            JOBS_WAITING: {(kind.value,): jobs.get(kind, none)[0] for kind in JobKind},
            JOBS_OLDEST: {(kind.value,): _age(jobs.get(kind, none)[1], now) for kind in JobKind},
            DELIVERIES_WAITING: {(): deliveries},
            DELIVERIES_OLDEST: {(): _age(due or now, now)},
        }

    def _engines(self, now: datetime) -> _Values:
        canaries = readiness.recent(self._services, now)
        wanted = readiness.engines(self._services)
        ages = [age for one in canaries if (age := one.signature_age(now)) is not None]
        oldest = max(ages, default=None)
        return {
            ENGINE_PROVED: {(name,): _proved(name, canaries) for name in sorted(wanted)},
            SIGNATURE_AGE: {(): oldest.total_seconds()} if oldest is not None else {},
        }

    def _store(self, now: datetime) -> _Values:
        proof = readiness.last_proof(self._services)
        return {STORE_PROVED: {(): float(standing(proof, now) is Standing.PROVED)}}

    def _disks(self) -> _Values:
        rooms = disk.rooms(self._services.settings)
        return {
            DISK_FREE: {(name,): room.free for name, room in rooms.items()},
            DISK_RESERVE: {(name,): room.reserve for name, room in rooms.items()},
        }


def _proved(name: str, canaries: Sequence[Canary]) -> float:
    said = [readiness.well(one) for one in canaries if one.engine == name]
    return float(bool(said) and all(said))


def _age(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
