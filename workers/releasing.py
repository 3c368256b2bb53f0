"""The job `release`: refused bytes that two administrators want handed out go to `clean`.

They are copied to a fresh key, never moved, and hashed on the way: the last piece is put only when
all of them are the bytes of the verdict. Write-ahead as in `publishing`. Crash windows: before the
commit the copy is a leftover that dies after its grace time and the job is done again; after it,
only the refused object is left over, and it is in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from uploads.documents.access import inspected
from uploads.documents.errors import LeaseLost, ObjectMissing, OtherBytes, StorageUnavailable
from uploads.documents.intake import Hints
from uploads.documents.model import AuditEntry, Document, Job, State
from uploads.documents.releases import RELEASABLE, Release, place_of
from uploads.faults import step
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage
from workers.retention import Reaper
from workers.scratch import within
from workers.writing_ahead import written_ahead

_log = structlog.get_logger(__name__)


class Releaser:
    """`Handler` for releases. `grace` is how long an uncommitted copy lives."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        hints: Hints,
        reaper: Reaper,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        grace: timedelta,
        transfer_seconds: float,
    ) -> None:
        self._records = records
        self._storage = storage
        self._hints = hints
        self._reaper = reaper
        self._clock = clock
        self._new_id = new_id
        self._grace = grace
        self._transfer_seconds = transfer_seconds

    def __call__(self, job: Job) -> None:
        """Release one document. Raises Unavailable to defer, LeaseLost where it is another's now.

        Where the bytes are gone or are others than those of the verdict, nothing is released and
        the job is done: administrators see that it failed, and can ask anew.
        """
        begun = self._records.write(lambda work: self._begin(work, job))
        if begun is None:
            return
        document, source = begun
        key = f"{document.id.removeprefix('doc_')}/{self._new_id()}"
        copy = _Copy(self._storage, document, source, self._transfer_seconds)
        try:
            with written_ahead(self._records, self._clock, self._grace, Bucket.CLEAN, key):
                self._storage.put(Bucket.CLEAN, key, copy, document.size)
                step("r1")
                left_over, woken = self._records.write(
                    lambda work: self._commit(work, job, document, source, key)
                )
        except (ObjectMissing, OtherBytes) as error:
            self._give_up(job, document, error)
            return
        step("r2")
        self._reaper.reap(left_over)
        for webhook_id in woken:
            self._hints.deliver(webhook_id)

    def _begin(self, work: Work, job: Job) -> tuple[Document, tuple[Bucket, str]] | None:
        """The guard: only what two administrators agreed on is released; else the job is done."""
        document = work.documents.find(job.document_id)
        release = work.quarantine.release_of(job.document_id)
        source = None if document is None else place_of(document)
        if document is None or source is None or not _is_due(document, release):
            work.jobs.finish(job)
            return None
        return document, source

    def _commit(
        self, work: Work, job: Job, document: Document, source: tuple[Bucket, str], key: str
    ) -> tuple[list[Leftover], Sequence[str]]:
        """All that becomes true with the release; what is left over, and webhooks to be told."""
        now = self._clock()
        work.quarantine.hold(document.id)
        found = work.documents.find(document.id)
        if found is None or place_of(found) != source:
            # A late hit's bytes have followed it to quarantine: in their ledger is another key now.
            raise LeaseLost
        # Before the move, which tells others of the document as it is then: without pictures.
        left_over = [
            Leftover(Bucket.CLEAN, rendition.key, now)
            for rendition in work.documents.drop_renditions(document.id)
        ]
        places = {"clean_key": key, "quarantine_key": None}
        if not work.documents.move(document.id, {document.state}, State.RELEASED, now, **places):
            raise LeaseLost
        release = work.quarantine.release_of(document.id)
        if not work.jobs.finish(job) or release is None or not _agreed(document, release):
            raise LeaseLost
        if not work.leftovers.take_back(Bucket.CLEAN, key):
            raise StorageUnavailable("releasing took longer than the grace time")
        for one in [*left_over, Leftover(*source, now)]:
            work.leftovers.add(one)
        work.audit.append(
            AuditEntry(now, "worker", "document.released", document.id, _detail(document, release))
        )
        return [*left_over, Leftover(*source, now)], work.documents.woken

    def _give_up(self, job: Job, document: Document, error: Exception) -> None:
        _log.error("not_released", cause=str(error))
        now = self._clock()

        def unit(work: Work) -> None:
            if work.jobs.finish(job):
                work.audit.append(AuditEntry(now, "worker", "document.not-released", document.id))

        self._records.write(unit)


class _Copy:
    """The refused bytes, read anew for each attempt to put them, and not to the end if they are
    others than those of the verdict."""

    def __init__(
        self, storage: Storage, document: Document, source: tuple[Bucket, str], seconds: float
    ) -> None:
        self._storage = storage
        self._document = document
        self._source = source
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        with self._storage.open(*self._source) as pieces:
            yield from inspected(self._document, self._no_longer(within(pieces, self._seconds)))

    def _no_longer(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        read = 0
        for piece in pieces:
            read += len(piece)
            if read > self._document.size:
                raise OtherBytes("the object is longer than what was inspected")
            yield piece


def _is_due(document: Document, release: Release | None) -> bool:
    return document.state in RELEASABLE and release is not None and _agreed(document, release)


def _agreed(document: Document, release: Release) -> bool:
    return release.agreed and document.sha256 == release.sha256


def _detail(document: Document, release: Release) -> dict[str, object]:
    return {
        "sha256": document.sha256,
        "was": document.state.value,
        "asked_by": release.asked_by,
        "confirmed_by": release.confirmed_by,
    }
