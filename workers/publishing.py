"""From a verdict to a settled document: the inspected file to `clean`, any other to `quarantine`.

Write-ahead: the object's key enters the leftovers before its bytes are put, and is taken back in
the commit that makes it count. Crash windows: before that commit the object is a leftover that
dies after its grace time; after it, only the segments are left over, and they are in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from uploads.documents.errors import LeaseLost, StorageUnavailable
from uploads.documents.intake import Hints
from uploads.documents.model import (
    AuditEntry,
    Document,
    Job,
    JobKind,
    JobState,
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

    def conclude(self, job: Job, document: Document, path: Path, verdict: Verdict) -> None:
        """Store the inspected file where its verdict sends it, and commit the state.

        Raises LeaseLost when the job was taken over or the document deleted meanwhile, and
        StorageUnavailable when the bytes could not be stored.
        """
        state = state_for(verdict.outcome, verdict.reason)
        bucket = Bucket.CLEAN if state is State.CLEAN else Bucket.QUARANTINE
        key = f"{document.id.removeprefix('doc_')}/{self._new_id()}"
        render = self._render_job(document) if state is State.CLEAN else None
        with written_ahead(self._records, self._clock, self._grace, bucket, key):
            self._store(bucket, key, path, verdict)
            segments, woken = self._records.write(
                lambda work: self._commit(work, job, document, verdict, state, key, render)
            )
        step("s15")
        self._reaper.reap(segments)
        step("s16")
        if render is not None:
            self._hints.job(render.id)
        for webhook_id in woken:
            self._hints.deliver(webhook_id)

    def _store(self, bucket: Bucket, key: str, path: Path, verdict: Verdict) -> None:
        body = FilePieces(path, self._transfer_seconds)
        self._storage.put(bucket, key, body, verdict.size)
        step("s13")
        if body.sha256 != verdict.sha256:
            raise StorageUnavailable("the scratch file is not what was inspected")
        step("s14")

    def _commit(
        self,
        work: Work,
        job: Job,
        document: Document,
        verdict: Verdict,
        state: State,
        key: str,
        render: Job | None,
    ) -> tuple[list[Leftover], Sequence[str]]:
        """All that becomes true with this verdict; what is left over, and webhooks to be told."""
        now = self._clock()
        column = "clean_key" if state is State.CLEAN else "quarantine_key"
        changes = {column: key, "sha256": verdict.sha256, "size": verdict.size}
        # Before the move, which tells others of the document as it is then.
        work.documents.add_verdict(document.id, verdict)
        if not work.documents.move(document.id, {State.SCANNING}, state, now, **changes):
            raise LeaseLost
        if not work.jobs.finish(job):
            raise LeaseLost
        step("s12")
        bucket = Bucket.CLEAN if state is State.CLEAN else Bucket.QUARANTINE
        if not work.leftovers.take_back(bucket, key):
            raise StorageUnavailable("publishing took longer than the grace time")
        if state is not State.CLEAN:
            work.leftovers.add(Leftover(bucket, key, now + self._keep_refused))
        segments = [
            Leftover(Bucket.INCOMING, segment.key, now)
            for segment in work.documents.drop_segments(document.id)
        ]
        for segment in segments:
            work.leftovers.add(segment)
        if render is not None:
            work.jobs.add(render)
        work.audit.append(
            AuditEntry(now, "worker", f"document.{state.value}", document.id, _detail(verdict))
        )
        return segments, work.documents.woken

    def _render_job(self, document: Document) -> Job | None:
        if not self._renders(document.type):
            return None
        now = self._clock()
        return Job(self._new_id(), JobKind.RENDER, document.id, JobState.DUE, now, now)


def _detail(verdict: Verdict) -> dict[str, object]:
    findings = [engine.finding for engine in verdict.engines if engine.finding]
    return {"sha256": verdict.sha256, "reason": verdict.reason, "findings": findings}
