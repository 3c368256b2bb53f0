"""Clean documents looked at anew when signatures or rules have changed: the job `rescan`.

They stay served meanwhile. What is clean again gets a further verdict; what is found infected is
out of service with that commit, and its bytes follow to quarantine; anything else withdraws the
verdict, and the normal line settles it. A few at a time, and one while anything new waits.

Crash windows: before the commit nothing has happened. Between the commit that says infected and the
one that moves the bytes, nothing of them is served; the job goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from uploads.documents.canaries import fingerprint, risk_of
from uploads.documents.errors import LeaseLost, StorageUnavailable
from uploads.documents.intake import Hints
from uploads.documents.model import (
    AuditEntry,
    Document,
    Job,
    JobKind,
    Outcome,
    State,
    Verdict,
)
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket
from workers.inspection.canaries import Canaries
from workers.inspection.examining import Examiner, sources_of
from workers.inspection.standing import Standing
from workers.publishing import Publisher, detail_of
from workers.withdrawing import withdraw
from workers.writing_ahead import written_ahead

_OPEN_MOST = 20
"""Put off or not: while an engine is away they do not pile up."""


class Rescanner:
    """`Handler` for rescans, and the verb that finds what is due. `at_once` 0 switches it off."""

    def __init__(
        self,
        *,
        records: Records,
        examiner: Examiner,
        standing: Standing,
        canaries: Canaries,
        publisher: Publisher,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        grace: timedelta,
        keep_refused: timedelta,
        at_once: int,
    ) -> None:
        self._records = records
        self._examiner = examiner
        self._standing = standing
        self._canaries = canaries
        self._publisher = publisher
        self._hints = hints
        self._clock = clock
        self._new_id = new_id
        self._grace = grace
        self._keep_refused = keep_refused
        self._at_once = at_once

    def look(self) -> int:
        """Add jobs for what was inspected with anything but the present engines; how many."""
        current = self._standing.current() if self._at_once else None
        if current is None or not self._records.read(lambda work: self._due(work, current)):
            return 0
        added = self._records.write(lambda work: self._add(work, current))
        for job_id in added:
            self._hints.job(job_id)
        return len(added)

    def _due(self, work: Work, current: str) -> Sequence[str]:
        if work.jobs.open_count(JobKind.RESCAN) >= _OPEN_MOST:
            return ()
        # What never settles shields nothing else: one goes on whatever waits, and what had to be
        # put off takes no place meanwhile.
        at_once = 1 if work.jobs.open_count(JobKind.INSPECT) else self._at_once
        room = at_once - work.jobs.open_count(JobKind.RESCAN, self._clock())
        return work.inspections.outdated(current, room) if room > 0 else ()

    def _add(self, work: Work, current: str) -> list[str]:
        now, added = self._clock(), []
        ids = self._due(work, current)
        for document in sorted(work.documents.named(ids), key=lambda one: ids.index(one.id)):
            job = Job.about(document, JobKind.RESCAN, self._new_id(), now)
            work.jobs.add(job)
            added.append(job.id)
        return added

    def __call__(self, job: Job) -> None:
        """Look at one document anew. Raises EngineUnavailable and Unavailable to defer."""
        document = self._records.read(lambda work: work.documents.find(job.document_id))
        if document is not None and document.clean_key and document.state is State.INFECTED:
            with self._examiner.fetched(job, sources_of(document, ())) as (path, _, sha256):
                if sha256 == document.sha256:
                    return self._lock_away(job, document, document.clean_key, path)
        if document is None or document.state is not State.CLEAN or self._is_newer(document):
            self._records.write(lambda work: work.jobs.drop(job))
            return None
        self._canaries.try_stale()
        with self._examiner.examined(job, document, sources_of(document, ())) as (path, verdict):
            self._conclude(job, document, path, verdict)
        if fingerprint(verdict.engines) != self._standing.current():
            # They changed since they were last tried, and nothing would ever be up to date.
            self._canaries.try_all(thorough=False)
        self.look()
        return None

    def _is_newer(self, document: Document) -> bool:
        """Whether it was seen with newer signatures than are here: another worker's are ahead."""
        last, seen = self._standing.last(), document.verdict.engines if document.verdict else ()
        return any(
            _number(one.signatures) > _number(last[one.name].signatures)
            for one in seen
            if one.name in last
        )

    def _conclude(self, job: Job, document: Document, path: Path, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.CLEAN:
            return self._records.write(lambda work: self._keep(work, job, document, verdict))
        if verdict.outcome is Outcome.INFECTED:
            self._tell(self._records.write(lambda work: self._strike(work, document, verdict)))
            assert document.clean_key is not None
            return self._lock_away(job, document, document.clean_key, path)
        return self._tell(self._records.write(lambda work: self._doubt(work, document, verdict)))

    def _tell(self, woken: Sequence[str]) -> None:
        for webhook_id in woken:
            self._hints.deliver(webhook_id)

    def _keep(self, work: Work, job: Job, document: Document, verdict: Verdict) -> None:
        """Clean again, by engines that are believed in this commit."""
        self._standing.vouch(work)
        engines = fingerprint(verdict.engines)
        if not work.inspections.mark(document.id, engines, risk_of(document.type)):
            raise LeaseLost
        work.documents.add_verdict(document.id, verdict)
        if not work.jobs.drop(job):
            raise LeaseLost

    def _strike(self, work: Work, document: Document, verdict: Verdict) -> Sequence[str]:
        """A late hit: out of service with this commit, whatever the store says to the rest."""
        now = self._clock()
        work.documents.add_verdict(document.id, verdict)
        if not work.documents.move(document.id, {State.CLEAN}, State.INFECTED, now):
            raise LeaseLost
        for rendition in work.documents.drop_renditions(document.id):
            work.leftovers.add(Leftover(Bucket.CLEAN, rendition.key, now))
        work.links.end_of(document.id, now)
        detail = {**detail_of(verdict), "late": True}
        work.audit.append(AuditEntry(now, "worker", "document.infected", document.id, detail))
        return work.documents.woken

    def _doubt(self, work: Work, document: Document, verdict: Verdict) -> Sequence[str]:
        withdraw(work, document.id, self._new_id(), self._clock(), detail_of(verdict))
        return work.documents.woken

    def _lock_away(self, job: Job, document: Document, clean_key: str, path: Path) -> None:
        """Move the bytes of an infected document to the quarantine bucket."""
        key, bucket = f"{document.id.removeprefix('doc_')}/{self._new_id()}", Bucket.QUARANTINE
        keys = {"clean_key": None, "quarantine_key": key}

        def commit(work: Work) -> None:
            now = self._clock()
            if not work.documents.change(document.id, State.INFECTED, keys):
                raise LeaseLost
            if not work.jobs.drop(job):
                raise LeaseLost
            if not work.leftovers.take_back(bucket, key):
                raise StorageUnavailable("moving took longer than the grace time")
            work.leftovers.add(Leftover(bucket, key, now + self._keep_refused))
            work.leftovers.add(Leftover(Bucket.CLEAN, clean_key, now))

        with written_ahead(self._records, self._clock, self._grace, bucket, key):
            self._publisher.store(bucket, key, path, document.size, document.sha256)
            self._records.write(commit)


def _number(signatures: str | None) -> int:
    """The number of ClamAV's signatures; 0 where they have none."""
    number = (signatures or "").partition("/")[0]
    return int(number) if number.isdecimal() else 0
