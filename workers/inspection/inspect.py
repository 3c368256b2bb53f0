"""The job `inspect`: read the segments once, let every engine see that file, conclude.

The file that the engines saw is the file that is published. Nothing is read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from uploads.documents.errors import LeaseLost, ObjectMissing, StorageUnavailable
from uploads.documents.model import Document, EngineReport, Job, Outcome, Segment, State, Verdict
from uploads.faults import step
from uploads.records.protocol import Records, Work
from uploads.storage.protocol import Bucket, Storage
from workers import scratch
from workers.inspection.engine import Engine, Subject
from workers.inspection.verdict import add_up
from workers.publishing import Publisher

_WAITING = frozenset({State.QUARANTINED, State.SCANNING})


class Inspector:
    """`Handler` for inspections; without a word of all in `required` nothing is clean."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        scratch_files: scratch.Scratch,
        engines: Sequence[Engine],
        absent: Sequence[EngineReport],
        required: Sequence[str],
        publisher: Publisher,
        clock: Callable[[], datetime],
        transfer_seconds: float,
    ) -> None:
        self._records = records
        self._storage = storage
        self._scratch = scratch_files
        self._engines = engines
        self._absent = absent
        self._required = required
        self._publisher = publisher
        self._clock = clock
        self._transfer_seconds = transfer_seconds

    def __call__(self, job: Job) -> None:
        """Inspect one document and conclude. Raises EngineUnavailable and Unavailable to defer.

        Raises ObjectMissing when the store has lost a segment.
        """
        begun = self._records.write(lambda work: self._begin(work, job))
        if begun is None:
            return
        document, segments = begun
        with self._scratch.file(f"{job.id}-{job.token}") as path:
            pieces = scratch.within(self._read(segments), self._transfer_seconds)
            size, sha256 = scratch.write(path, pieces)
            step("s9")
            verdict = self._judge(document, path, size, sha256)
            self._publisher.conclude(job, document, path, verdict)

    def _begin(self, work: Work, job: Job) -> tuple[Document, Sequence[Segment]] | None:
        """The guard: only a waiting document is inspected; otherwise the job is done."""
        document = work.documents.find(job.document_id)
        if document is None or document.state not in _WAITING:
            work.jobs.finish(job)
            return None
        if document.state is State.QUARANTINED and not work.documents.move(
            document.id, {State.QUARANTINED}, State.SCANNING, self._clock()
        ):
            raise LeaseLost
        return document, work.documents.segments(document.id)

    def _read(self, segments: Sequence[Segment]) -> Iterator[bytes]:
        """All segments' bytes in order. A short one means: try again later.

        A missing one is no outage but a loss: ObjectMissing ends the start without a word, and
        after some of them the document fails instead of waiting for ever. So is one that is longer
        than was recorded: a client whose signed length the store did not check has replaced it,
        and it is not read to its end, which nobody knows.
        """
        for segment in segments:
            read = 0
            with self._storage.open(Bucket.INCOMING, segment.key) as pieces:
                for piece in pieces:
                    read += len(piece)
                    if read > segment.size:
                        raise ObjectMissing(f"segment {segment.key} has become longer")
                    yield piece
            if read != segment.size:
                raise StorageUnavailable(f"segment {segment.key} has {read} bytes")

    def _judge(self, document: Document, path: Path, size: int, sha256: str) -> Verdict:
        now = self._clock()
        if not {document.sha256, document.promised_sha256} <= {None, sha256}:
            return Verdict(Outcome.UNSCANNABLE, "digest-mismatch", sha256, size, now)
        subject = Subject(path, size, sha256, document.type, document.name)
        reports = [engine.inspect(subject) for engine in self._engines] + list(self._absent)
        step("s11")
        outcome, reason = add_up(reports, self._required)
        return Verdict(outcome, reason, sha256, size, self._clock(), tuple(reports))
