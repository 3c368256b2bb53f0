"""From a verdict to a settled document: the inspected file to `clean`, any other to `quarantine`.

Write-ahead: the object's key enters the leftovers before its bytes are put, and is taken back in
the commit that makes it count. Crash windows: before that commit the object is a leftover that
dies after its grace time; after it, only the segments are left over, and they are in the ledger.
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
    State,
    Verdict,
)
from uploads.faults import step
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage
from workers.inspection.verdict import state_for
from workers.retention import Reaper
from workers.scratch import FilePieces
from workers.writing_ahead import written_ahead


class Publisher:
    """Concludes inspections. `grace` and `keep_refused` are times; transfers have seconds."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        hints: Hints,
        reaper: Reaper,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        renders: Callable[[str], bool],
        grace: timedelta,
        keep_refused: timedelta,
        transfer_seconds: float,
        vouch: Callable[[Work], None],
    ) -> None:
        self._records = records
        self._storage = storage
        self._hints = hints
        self._reaper = reaper
        self._clock = clock
        self._new_id = new_id
        self._renders = renders
        self._grace = grace
        self._keep_refused = keep_refused
        self._transfer_seconds = transfer_seconds
        self._vouch = vouch

    def conclude(self, job: Job, document: Document, path: Path, verdict: Verdict) -> None:
        """Store the inspected file where its verdict sends it, and commit the state.

        What is clean again stays where it is. Raises LeaseLost when the job was taken over or the
        document deleted meanwhile, StorageUnavailable when the bytes could not be stored, and
        EngineUnavailable when an engine that called it clean is not believed.
        """
        state = state_for(verdict.outcome, verdict.reason)
        render = self._render_job(document) if state is State.CLEAN else None

        def commit(key: str | None) -> tuple[list[Leftover], Sequence[str]]:
            return self._records.write(
                lambda work: self._commit(work, job, document, verdict, state, key, render)
            )

        if state is State.CLEAN and document.clean_key is not None:
            leftovers, woken = commit(None)
        else:
            bucket = Bucket.CLEAN if state is State.CLEAN else Bucket.QUARANTINE
            key = f"{document.id.removeprefix('doc_')}/{self._new_id()}"
            with written_ahead(self._records, self._clock, self._grace, bucket, key):
                self.store(bucket, key, path, verdict.size, verdict.sha256)
                leftovers, woken = commit(key)
        step("s15")
        self._reaper.reap(leftovers)
        step("s16")
        if render is not None:
            self._hints.job(render.id)
        for webhook_id in woken:
            self._hints.deliver(webhook_id)

    def store(self, bucket: Bucket, key: str, path: Path, size: int, sha256: str | None) -> None:
        """Put a file that must still be what was inspected. Raises StorageUnavailable."""
        body = FilePieces(path, self._transfer_seconds)
        self._storage.put(bucket, key, body, size)
        step("s13")
        if body.sha256 != sha256:
            raise StorageUnavailable("the scratch file is not what was inspected")
        step("s14")

    def _commit(
        self,
        work: Work,
        job: Job,
        document: Document,
        verdict: Verdict,
        state: State,
        key: str | None,
        render: Job | None,
    ) -> tuple[list[Leftover], Sequence[str]]:
        """All that becomes true with this verdict; what is left over, and webhooks to be told.

        Without a key the bytes stay where they are.
        """
        if state is State.CLEAN:
            self._vouch(work)
        now = self._clock()
        # Before the move, which tells others of the document as it is then.
        work.documents.add_verdict(document.id, verdict)
        changes = _changes(document, verdict, state, key)
        if not work.documents.move(document.id, {State.SCANNING}, state, now, **changes):
            raise LeaseLost
        if not work.jobs.finish(job):
            raise LeaseLost
        step("s12")
        work.inspections.mark(document.id, fingerprint(verdict.engines), risk_of(document.type))
        if key is not None:
            self._claim(work, state, key, now)
        leftovers = _left_over(work, document, state, now)
        for leftover in leftovers:
            work.leftovers.add(leftover)
        if state is State.INFECTED:
            work.links.end_of(document.id, now)
        if render is not None:
            work.jobs.add(render)
        detail = detail_of(verdict)
        work.audit.append(AuditEntry(now, "worker", f"document.{state.value}", document.id, detail))
        return leftovers, work.documents.woken

    def _claim(self, work: Work, state: State, key: str, now: datetime) -> None:
        """Let the object that was put count, for as long as it is kept."""
        bucket = Bucket.CLEAN if state is State.CLEAN else Bucket.QUARANTINE
        if not work.leftovers.take_back(bucket, key):
            raise StorageUnavailable("publishing took longer than the grace time")
        if state is not State.CLEAN:
            work.leftovers.add(Leftover(bucket, key, now + self._keep_refused))

    def _render_job(self, document: Document) -> Job | None:
        if not self._renders(document.type):
            return None
        return Job.about(document, JobKind.RENDER, self._new_id(), self._clock())


def _changes(
    document: Document, verdict: Verdict, state: State, key: str | None
) -> dict[str, object]:
    changes: dict[str, object] = {"sha256": verdict.sha256, "size": verdict.size}
    if key is not None:
        column, other = "clean_key", "quarantine_key"
        if state is not State.CLEAN:
            column, other = other, column
        changes |= {column: key, other: None}
    return changes


def _left_over(work: Work, document: Document, state: State, now: datetime) -> list[Leftover]:
    """What this verdict makes superfluous: segments, and where an earlier verdict put the bytes."""
    gone = [
        Leftover(Bucket.INCOMING, segment.key, now)
        for segment in work.documents.drop_segments(document.id)
    ]
    if state is not State.CLEAN:
        pictures = work.documents.drop_renditions(document.id)
        gone += [Leftover(Bucket.CLEAN, rendition.key, now) for rendition in pictures]
        if document.clean_key:
            gone.append(Leftover(Bucket.CLEAN, document.clean_key, now))
    if document.quarantine_key:
        gone.append(Leftover(Bucket.QUARANTINE, document.quarantine_key, now))
    return gone


def detail_of(verdict: Verdict) -> dict[str, object]:
    """What the audit trail keeps of a verdict."""
    findings = [engine.finding for engine in verdict.engines if engine.finding]
    return {"sha256": verdict.sha256, "reason": verdict.reason, "findings": findings}
