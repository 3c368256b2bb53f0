"""The heart and the worker's verbs put together for tests: a store in memory, a set clock, SQLite
where no other database is given.

Time moves only when a test moves it; messages are always lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import DeafHints, MemoryStorage
from tests.support.sqlite import migrated_sqlite
from uploads import faults
from uploads.documents.completion import Completion
from uploads.documents.granting import Granting, Terms
from uploads.documents.intake import Intake, Limits, Offer
from uploads.documents.library import Library
from uploads.documents.model import (
    Actor,
    Document,
    EngineReport,
    Job,
    JobKind,
    Outcome,
    Role,
    Scope,
    State,
    User,
)
from uploads.documents.policy import Policy
from uploads.documents.proofs import StoreProof
from uploads.documents.quotas import Quotas
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords
from workers.expiring import Expirer
from workers.inspection.engine import EngineUnavailable, Subject
from workers.inspection.examining import Examiner, TimeFor
from workers.inspection.inspect import Inspector
from workers.jobs import Patience, Runner, Sweeper
from workers.places import Places
from workers.publishing import Publisher
from workers.retention import Reaper, Tidier
from workers.scratch import Scratch

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
GRACE = timedelta(minutes=30)
ALWAYS = timedelta(days=365)
TEXT = b"a plain text, long enough to be one\n" * 4


@dataclass
class Word:
    """An engine that says what the test tells it; `silent` makes it unavailable."""

    name: str = "yara"
    outcome: Outcome = Outcome.CLEAN
    reason: str | None = None
    silent: bool = False
    seen: list[Subject] = field(default_factory=list)

    def inspect(self, subject: Subject) -> EngineReport:
        self.seen.append(subject)
        if self.silent:
            raise EngineUnavailable("staged")
        finding = "Bad.Thing" if self.outcome is Outcome.INFECTED else None
        return EngineReport(self.name, "1", self.outcome, finding=finding, reason=self.reason)


class Trusting:
    """Believes every engine, untried."""

    def try_stale(self) -> None: ...

    def vouch(self, work: Work) -> None: ...


class Line:
    """One straight line, from `accept` to `run`."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = 1024,
        shared_file_bytes: int = 256,
        database_url: str | None = None,
    ) -> None:
        url = database_url or migrated_sqlite(folder / "line.db")
        self.database_url = url
        self.now = START
        self.records = SqlRecords(url)
        self.storage = MemoryStorage(self.clock)
        self.hints = DeafHints()
        self.engine = Word()
        self.guard: Any = Trusting()
        # The store is proved, and stays so however far a test moves the time.
        self.proof: StoreProof | None = StoreProof(
            "http://memory.invalid", "incoming", tried_at=START, proved_at=START + ALWAYS
        )
        self.scratch = Scratch(folder / "scratch")
        self._ids = (f"id{number:024d}" for number in count(1))
        self.actor = self._user("ann@example.org")
        self.stranger = self._user("eve@example.org")
        self.library = Library(records=self.records, hints=self.hints, clock=self.clock)
        self.quotas = Quotas(records=self.records, clock=self.clock, bytes_limit=0, files_limit=0)
        self.intake = self._intake(segment_bytes, shared_file_bytes)
        self.granting, self.completion = self._granting()
        self.reaper = Reaper(
            records=self.records, storage=self.storage, clock=self.clock, grace=GRACE
        )
        self.tidier = self._tidier()
        self.expirer = Expirer(records=self.records, clock=self.clock)
        self.sweeper = self.new_sweeper()
        self.runner = self.new_worker()

    def new_worker(self) -> Runner:
        """What a process that has just started does jobs with: it remembers nothing."""
        return Runner(
            records=self.records,
            clock=self.clock,
            handlers={JobKind.INSPECT: self._inspector()},
            patience=Patience(LEASE, timedelta(seconds=60), 3, timedelta(days=30)),
            places=Places(1),
            hints=self.hints,
        )

    def new_sweeper(self, *, waiting: int = 0, visits_waiting: int = 0, places: int = 1) -> Sweeper:
        """One that finds so many hints waiting, about jobs and about webhooks."""
        return Sweeper(
            records=self.records,
            hints=self.hints,
            clock=self.clock,
            waiting=lambda: waiting,
            visits_waiting=lambda: visits_waiting,
            places=places,
        )

    def _intake(self, segment_bytes: int, shared_file_bytes: int) -> Intake:
        return Intake(
            records=self.records,
            storage=self.storage,
            policy=Policy(max_bytes=100_000),
            quotas=self.quotas,
            hints=self.hints,
            clock=self.clock,
            new_id=self.new_id,
            limits=Limits(255, segment_bytes, 300, int(GRACE.total_seconds()), shared_file_bytes),
        )

    def _tidier(self) -> Tidier:
        return Tidier(
            records=self.records,
            storage=self.storage,
            scratch=self.scratch,
            clock=self.clock,
            grace=GRACE,
            keep_refused=timedelta(days=30),
            keep_tombstones=timedelta(days=30),
            keep_deliveries=timedelta(days=30),
            keep_events=timedelta(days=7),
            end_sessions=lambda: 0,
            new_id=self.new_id,
        )

    def _granting(self) -> tuple[Granting, Completion]:
        granting = Granting(
            records=self.records,
            storage=self.storage,
            intake=self.intake,
            quotas=self.quotas,
            hints=self.hints,
            clock=self.clock,
            new_id=self.new_id,
            terms=Terms(seconds=86400, url_seconds=900),
            last_proof=lambda: self.proof,
        )
        return granting, Completion(
            granting=granting,
            records=self.records,
            storage=self.storage,
            intake=self.intake,
            hints=self.hints,
            clock=self.clock,
            new_id=self.new_id,
        )

    def clock(self) -> datetime:
        return self.now

    def new_id(self) -> str:
        return next(self._ids)

    def accept(
        self,
        *pieces: bytes,
        name: str = "a.txt",
        sha256: str | None = None,
        owner: Actor | None = None,
    ) -> Document:
        offer = Offer(name, None, sha256)
        return self.intake.accept(owner or self.actor, offer, self._stream(pieces))

    def job_of(self, document: Document) -> str:
        """The document's due job, as the sweep finds it."""
        self.hints.jobs.clear()
        self.sweeper.sweep()
        for job_id in self.hints.jobs:
            job = self.records.read(lambda work, wanted=job_id: work.jobs.get(wanted))  # type: ignore[misc]
            if job is not None and job.document_id == document.id:
                return job_id
        raise AssertionError("no due job")

    def work_off(self) -> None:
        """As many hints as there is to be done."""
        for job_id in self.records.read(lambda work: work.jobs.due(self.now, 100, JobKind)):
            self.runner.run(job_id)

    def job(self, job_id: str) -> Job:
        found = self.records.read(lambda work: work.jobs.get(job_id))
        assert found is not None
        return found

    def crash_once(self, job_id: str, step: str) -> None:
        """Run a job whose process dies at a step: no word is said, the lease runs out."""
        faults.arm(f"{step}:fail")
        with pytest.raises(faults.FaultInjected):
            self.runner.run(job_id)
        faults.arm(None)
        self.later(seconds=LEASE.total_seconds() + 1)

    def document(self, document_id: str) -> Document:
        found = self.records.read(lambda work: work.documents.find(document_id))
        assert found is not None
        return found

    def state(self, document: Document) -> State:
        return self.document(document.id).state

    def stored(self) -> list[tuple[str, str]]:
        return [(bucket.value, key) for bucket, key in self.storage.objects]

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def _stream(self, pieces: tuple[bytes, ...]) -> Iterator[bytes]:
        yield from pieces

    def _user(self, email: str) -> Actor:
        user = User(self.new_id(), email, "x", Role.USER, self.now)
        self.records.write(lambda work: work.accounts.add_user(user))
        return Actor(user.id, email, Role.USER, frozenset(Scope))

    def _examiner(self) -> Examiner:
        return Examiner(
            storage=self.storage,
            scratch_files=self.scratch,
            engines=[self.engine],
            absent=[],
            required=["yara"],
            clock=self.clock,
            transfer_seconds=60,
            time_for=TimeFor(60, 60),
        )

    def _publisher(self) -> Publisher:
        return Publisher(
            records=self.records,
            storage=self.storage,
            hints=self.hints,
            reaper=self.reaper,
            clock=self.clock,
            new_id=self.new_id,
            renders=lambda _: False,
            grace=GRACE,
            keep_refused=timedelta(days=30),
            transfer_seconds=60,
            vouch=lambda work: self.guard.vouch(work),
        )

    def _inspector(self) -> Inspector:
        return Inspector(
            records=self.records,
            examiner=self._examiner(),
            publisher=self._publisher(),
            try_stale=lambda: self.guard.try_stale(),
            vouch=lambda work: self.guard.vouch(work),
            clock=self.clock,
        )
