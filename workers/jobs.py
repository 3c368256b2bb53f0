"""Leases, starts and deferrals: the database is the queue's truth, a message only a hint.

A lease is taken and `starts` goes up before the work begins, so a start that ends without a word
(a crash, a kill) is counted; after `starts_max` of them the job fails. A part that is unavailable
is a word: the job is deferred, its start given back, and it never fails for that. So is a polite
stop: work that outlives it is handed back before the kill comes. An engine that is late or errs
over a file is counted in the commit that defers the job, so whoever has it next knows, on
whatever machine.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from uploads.documents.errors import (
    LeaseLost,
    ObjectMissing,
    RecordsUnavailable,
    Unavailable,
)
from uploads.documents.intake import Hints
from uploads.documents.library import announce_bytes
from uploads.documents.model import AuditEntry, Job, JobKind, State
from uploads.faults import step
from uploads.metrics import JOB_FAILURES
from uploads.records.protocol import Records, Work
from workers.inspection.engine import EngineErred, EngineLate, EngineUnavailable
from workers.places import PATIENT, URGENT, Places
from workers.sandbox.parent import CellKilled
from workers.turns import Turns
from workers.withdrawing import withdraw

_log = structlog.get_logger(__name__)
_SWEPT_AT_ONCE = 200
_INSISTED = 20
_INSIST_SECONDS = 3.0
_LOOK_SECONDS = 0.5
# Others may have taken what was found, and what workers do not survive is only given up.
_TRIES = 5

Handler = Callable[[Job], None]
"""Does one job's work and finishes it with its token. May run twice for the same job."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`lease`, `defer_most` and `keep_failed` are times; `starts_max` counts."""

    lease: timedelta
    defer_most: timedelta
    starts_max: int
    keep_failed: timedelta


class Runner:
    """Runs one job for each hint, whoever asks and however often: of the kind of the one that is
    named, and whose turn it is (`turns.py`).

    `ending` says that this process is about to be ended, and what it works on is to be handed back.
    """

    def __init__(
        self,
        *,
        records: Records,
        clock: Callable[[], datetime],
        handlers: Mapping[JobKind, Handler],
        patience: Patience,
        places: Places,
        hints: Hints,
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._records = records
        self._clock = clock
        self._handlers = handlers
        self._patience = patience
        self._places = places
        self._hints = hints
        self._ending = ending
        self._turns = Turns(records)

    def run(self, job_id: str) -> None:
        """Lease a job, do it, and defer it when a part is unavailable.

        The job that is named may be overtaken by one that was named in another hint, which is then
        left for it: so a hint of what is done or gone is for one that waits. Returns quietly when
        none is to be had (leased by others, not due yet), or it can wait and has no place: whoever
        has one calls the next when he leaves it.
        """
        named = self._records.glance(lambda work: work.jobs.get(job_id))
        kind = named.kind if named is not None else JobKind.INSPECT
        if kind in URGENT:
            self._take(kind)
            return
        with self._places.one() as free:
            taken = free and self._take(kind)
        if taken:
            self._call_next()

    def _take(self, kind: JobKind) -> bool:
        """Whether one was to be had; it is done then, or deferred."""
        for _ in range(_TRIES):
            owners = self._turns.next(kind, self._clock())
            if not owners:
                return False
            job = self._records.write(lambda work: self._lease(work, kind, owners))  # noqa: B023
            if job is not None:
                self._do(job)
                return True
        return False

    def _call_next(self) -> None:
        """Behind all that waits by now. One for each place, for others may leave one as well."""
        now, most = self._clock(), self._places.count
        try:
            due = self._records.read(lambda work: work.jobs.due(now, most, PATIENT))
        except RecordsUnavailable as error:
            _log.warning("next_not_called", cause=error.cause)  # the sweep does it
            return
        for job_id in due:
            self._hints.job(job_id)

    def _do(self, job: Job) -> None:
        step("s8")
        with structlog.contextvars.bound_contextvars(job=job.id, document=job.document_id):
            try:
                with self._kept(job):
                    self._handlers[job.kind](job)
            except LeaseLost:
                _log.warning("lease_lost")
            except (EngineUnavailable, Unavailable) as error:
                self._defer(job, error)
            except ObjectMissing as error:
                # Nothing to wait for: the start stays counted, and some of them fail the job.
                _log.error("segment_missing", cause=str(error))
            except CellKilled as error:
                # Perhaps because of this very file: the start stays counted here as well.
                _log.error("cell_killed", cause=str(error))

    def _lease(self, work: Work, kind: JobKind, owners: Sequence[str]) -> Job | None:
        """A job of the first of them who still has one to be begun."""
        now = self._clock()
        until = now + self._patience.lease
        leased = (work.jobs.lease_of(owner, kind, now, until) for owner in owners)
        job = next(filter(None, leased), None)
        if job is None or job.starts <= self._patience.starts_max:
            return job
        work.jobs.fail(job)
        if job.kind is JobKind.INSPECT:
            self._fail_document(work, job, now)
        if job.kind is JobKind.RESCAN:
            # The normal line has the last word on what workers do not survive.
            withdraw(work, job.document_id, f"{job.id}-again", now, {"starts": job.starts})
        work.audit.append(AuditEntry(now, "worker", "job.failed", job.document_id))
        JOB_FAILURES.count(job.kind.value)
        _log.error("job_failed", job=job.id, document=job.document_id, starts=job.starts)
        return None

    def _fail_document(self, work: Work, job: Job, now: datetime) -> None:
        waiting = {State.QUARANTINED, State.SCANNING}
        if work.documents.move(job.document_id, waiting, State.FAILED, now):
            document = work.documents.find(job.document_id)
            if document is not None:
                announce_bytes(work, document, now + self._patience.keep_failed)

    @contextmanager
    def _kept(self, job: Job) -> Iterator[None]:
        """Renew the lease from a thread while the work goes on."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(job, ended), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()

    def _keep(self, job: Job, ended: threading.Event) -> None:
        pause = self._patience.lease.total_seconds() / 3
        due = time.monotonic() + pause
        while not ended.wait(min(pause, _LOOK_SECONDS)):
            if self._ending():
                self._hand_back(job)
                return
            if time.monotonic() < due:
                continue
            due = time.monotonic() + pause
            try:
                until = self._clock() + self._patience.lease
                if not self._records.write(lambda work: work.jobs.renew(job, until)):  # noqa: B023
                    return  # the token decides at the commit; nothing to stop from here
            except RecordsUnavailable as error:
                _log.warning("lease_not_renewed", job=job.id, cause=error.cause)

    def _hand_back(self, job: Job) -> None:
        """Let somebody else begin anew, and the start not count; ours can commit nothing more."""
        now = self._clock()
        try:
            self._records.write(lambda work: _return(work, job, now, now))
            _log.info("job_handed_back", job=job.id)
        except RecordsUnavailable as error:
            _log.warning("job_not_handed_back", job=job.id, cause=error.cause)

    def _defer(self, job: Job, error: Exception) -> None:
        """Hand the job back for a while: 1, 2, 4 … seconds with jitter, never past the bound."""
        most = self._patience.defer_most.total_seconds()
        pause = min(most, 2.0 ** min(job.deferrals, 10))
        pause *= random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret
        now = self._clock()
        until, late = now + timedelta(seconds=pause), isinstance(error, (EngineLate, EngineErred))
        self._insist(lambda work: _return(work, job, now, until, late=late))
        cause = getattr(error, "cause", "") or str(error)
        _log.warning("job_deferred", seconds=round(pause, 1), count=job.deferrals + 1, cause=cause)

    def _insist(self, unit: Callable[[Work], None]) -> None:
        """Write although the database may be what is away, or full: no start is burnt on that.

        Raises Unavailable in the end; the lease then runs out and the start stays counted.
        """
        for _ in range(_INSISTED - 1):
            try:
                return self._records.write(unit)
            except Unavailable as error:
                _log.warning("deferral_waits", cause=error.cause)
                time.sleep(_INSIST_SECONDS)
        return self._records.write(unit)


def _return(
    work: Work, job: Job, now: datetime, not_before: datetime, *, late: bool = False
) -> None:
    """Give the lease and the start back, unless the job has gone on without us."""
    if work.jobs.defer(job, not_before, late=late) and job.kind is JobKind.INSPECT:
        work.documents.move(job.document_id, {State.SCANNING}, State.QUARANTINED, now)


class Sweeper:
    """Finds what is due and wakes workers for it, so that a lost message costs only time."""

    def __init__(
        self,
        *,
        records: Records,
        hints: Hints,
        clock: Callable[[], datetime],
        waiting: Callable[[], int],
        visits_waiting: Callable[[], int],
        places: int,
    ) -> None:
        """`waiting` counts the hints about jobs that no worker has taken yet, `visits_waiting`
        those about webhooks.

        `places` is how many jobs that can wait are done at a time.
        """
        self._records = records
        self._hints = hints
        self._clock = clock
        self._waiting = waiting
        self._visits_waiting = visits_waiting
        self._places = places

    def sweep(self) -> None:
        """Send a hint for each due job and each due webhook that can have none.

        Behind a backlog as many hints wait as there are urgent jobs, and others would only keep
        workers from it; where nobody takes them, as with a courier that is away, they would fill
        Redis. Where one was lost there are fewer of them, in the end: the oldest are those that
        have had their turn. Of what can wait one for each place is enough, for whoever had a place
        calls the next.
        """
        now = self._clock()
        urgent, patient, hooks = self._records.read(
            lambda work: (
                work.jobs.due(now, _SWEPT_AT_ONCE, URGENT),
                work.jobs.due(now, self._places, PATIENT),
                work.deliveries.due(now, _SWEPT_AT_ONCE),
            )
        )
        for job_id in (*_without_hint(urgent, self._waiting), *patient):
            self._hints.job(job_id)
        for webhook_id in _without_hint(hooks, self._visits_waiting):
            self._hints.deliver(webhook_id)


def _without_hint(due: Sequence[str], waiting: Callable[[], int]) -> Sequence[str]:
    """So many of them, the longest waiting first, that no hint that waits can be about."""
    return due[: max(0, len(due) - waiting())] if due else ()
