"""The job `inspect`: read the bytes once, let every engine see that file, conclude.

The file that the engines saw is the file that is published. Nothing is read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from uploads.documents.errors import LeaseLost, ObjectMissing
from uploads.documents.model import Document, Job, Segment, State
from uploads.records.protocol import Records, Work
from workers.inspection.examining import Examiner, sources_of
from workers.publishing import Publisher

_WAITING = frozenset({State.QUARANTINED, State.SCANNING})


class Inspector:
    """`Handler` for inspections.

    `try_stale` tries engines that have not proved themselves lately; `vouch` raises
    EngineUnavailable in a transaction in which not all of them are believed.
    """

    def __init__(
        self,
        *,
        records: Records,
        examiner: Examiner,
        publisher: Publisher,
        try_stale: Callable[[], None],
        vouch: Callable[[Work], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._examiner = examiner
        self._publisher = publisher
        self._try_stale = try_stale
        self._vouch = vouch
        self._clock = clock

    def __call__(self, job: Job) -> None:
        """Inspect one document and conclude. Raises EngineUnavailable and Unavailable to defer.

        Raises ObjectMissing when the store has lost bytes, or gives others than it was given.
        """
        self._try_stale()
        begun = self._records.write(lambda work: self._begin(work, job))
        if begun is None:
            return
        document, segments = begun
        sources = sources_of(document, segments)
        with self._examiner.examined(job, document, sources) as (path, verdict):
            if document.sha256 not in {None, verdict.sha256}:
                # Our own digest, and no promise of a client's: what the store holds may be right.
                raise ObjectMissing("the store gave other bytes than it was given")
            self._publisher.conclude(job, document, path, verdict)

    def _begin(self, work: Work, job: Job) -> tuple[Document, Sequence[Segment]] | None:
        """The guard: only a waiting document is inspected; otherwise the job is done."""
        document = work.documents.find(job.document_id)
        if document is None or document.state not in _WAITING:
            work.jobs.finish(job)
            return None
        self._vouch(work)
        if document.state is State.QUARANTINED and not work.documents.move(
            document.id, {State.QUARANTINED}, State.SCANNING, self._clock()
        ):
            raise LeaseLost
        return document, work.documents.segments(document.id)
