"""Turns a stream of pieces into stored segments and, at its end, into a document with a job.

A segment counts only once its row is committed. A file of one segment needs one commit, at the
end; a longer one gets a RECEIVING row with its first segment, which every further segment keeps
alive. Crash windows: an object whose row was never committed is found by the sweeper in
`incoming`; a RECEIVING row that nobody touches any more is expired by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from uploads.documents.errors import Conflict, EmptyFile, StorageUnavailable
from uploads.documents.model import (
    AuditEntry,
    Document,
    Job,
    JobKind,
    JobState,
    Segment,
    State,
    Usage,
)
from uploads.faults import step
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage


class Receiver:
    """One file on its way in. `draft` is the document as it will stand, in state RECEIVING.

    Its size is what the client announced, or 0. `admit` is told what the owner uses with this
    file and its size, in the transaction that adds them, and raises where that is too much.
    """

    def __init__(
        self,
        draft: Document,
        *,
        records: Records,
        storage: Storage,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        segment_bytes: int,
        segment_seconds: int,
        grace_seconds: int,
        admit: Callable[[Usage, int], None],
    ) -> None:
        self._draft = draft
        self._records = records
        self._storage = storage
        self._clock = clock
        self._new_id = new_id
        self._segment_bytes = segment_bytes
        self._segment_age = timedelta(seconds=segment_seconds)
        self._commit_within = timedelta(seconds=grace_seconds) * 3 / 4
        self._admit = admit
        self._digest = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._buffered_since = draft.created_at
        self._segments: list[Segment] = []
        self._stored_at = draft.created_at
        self._has_row = False

    @property
    def size(self) -> int:
        """Bytes received so far."""
        stored = self._segments[-1].offset + self._segments[-1].size if self._segments else 0
        return stored + self._buffered

    @property
    def sha256(self) -> str:
        """Digest of the bytes received so far, lowercase hex."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Take the next piece; stores a segment when enough has come together."""
        if self._full():
            self._store()
            self._record()
        if not self._pieces:
            self._buffered_since = self._clock()
        self._digest.update(piece)
        self._pieces.append(piece)
        self._buffered += len(piece)

    def finish(self) -> tuple[Document, Job]:
        """Store the rest and commit document, segments and job in one transaction.

        Raises EmptyFile, and Conflict when the sweeper gave the upload up meanwhile.
        """
        if self.size == 0:
            raise EmptyFile
        if self._pieces:
            self._store()
        step("s4")
        now = self._clock()
        document = replace(
            self._draft,
            state=State.QUARANTINED,
            size=self.size,
            sha256=self.sha256,
            updated_at=now,
        )
        job = Job(self._new_id(), JobKind.INSPECT, document.id, JobState.DUE, now, now)
        self._records.write(lambda work: self._commit(work, document, job))
        step("s5")
        return document, job

    def discard(self, entry: AuditEntry) -> None:
        """Leave nothing of this file but the audit entry."""
        self._pieces.clear()
        if not self._records.write(lambda work: self._undo(work, entry)):
            return
        for segment in self._segments:
            try:
                self._storage.delete(Bucket.INCOMING, segment.key)
            except StorageUnavailable:
                return  # the sweeper deletes what is announced in the leftovers
        if self._segments:
            self._records.write(self._forget)

    def _undo(self, work: Work, entry: AuditEntry) -> bool:
        """Take the row back and announce the objects; whether they may go.

        There may be a row although none is known here: a commit whose answer was lost has made
        one. Once a worker has begun with it, it settles by itself and is left alone; a tombstone
        stays, because somebody deleted the upload while it came.
        """
        work.audit.append(entry)
        found = work.documents.find(self._draft.id)
        if found is not None and found.state in {State.RECEIVING, State.QUARANTINED}:
            work.documents.remove(found.id)
        elif found is not None and found.state is not State.DELETED:
            return False
        now = self._clock()
        for segment in self._segments:
            work.leftovers.add(Leftover(Bucket.INCOMING, segment.key, now))
        return True

    def _forget(self, work: Work) -> None:
        for segment in self._segments:
            work.leftovers.forget(Bucket.INCOMING, segment.key)

    def _full(self) -> bool:
        if not self._pieces:
            return False
        old = self._clock() - self._buffered_since >= self._segment_age
        return old or self._buffered >= self._segment_bytes

    def _store(self) -> None:
        """Put what is buffered as one object; remembered before, so that discard finds it."""
        key = f"{self._draft.id.removeprefix('doc_')}/{self._new_id()}"
        segment = Segment(self.size - self._buffered, self._buffered, key)
        pieces = self._pieces
        self._segments.append(segment)
        self._pieces, self._buffered = [], 0
        self._stored_at = self._clock()
        self._storage.put(Bucket.INCOMING, key, pieces, segment.size)

    def _record(self) -> None:
        """Commit the newest segment of a file that goes on."""
        now = self._clock()
        segment = self._segments[-1]

        def unit(work: Work) -> None:
            self._check_not_swept()
            if not self._has_row:
                draft = replace(self._draft, size=self._reserved())
                self._admit(work.documents.add(draft), draft.size)
            else:
                self._grow(work, now)
            work.documents.add_segment(self._draft.id, segment)

        self._records.write(unit)
        self._has_row = True

    def _grow(self, work: Work, now: datetime) -> None:
        """Keep the row alive and count what came in addition."""
        usage = work.documents.grow(self._draft.id, self._reserved(), now)
        if usage is None:
            raise Conflict("The upload was deleted or given up meanwhile. Send the file again.")
        self._admit(usage, self._reserved())

    def _reserved(self) -> int:
        """What this file counts for: what was announced, or what came where that is more."""
        return max(self._draft.size, self.size)

    def _check_not_swept(self) -> None:
        """Raises Conflict when the newest object is so old that it may pass for an orphan."""
        if self._clock() - self._stored_at > self._commit_within:
            raise Conflict("The file took too long to be recorded. Send it again.")

    def _commit(self, work: Work, document: Document, job: Job) -> None:
        self._check_not_swept()
        if not self._has_row:
            self._admit(work.documents.add(document), document.size)
            recorded = 0
        else:
            self._grow(work, document.updated_at)
            recorded = len(work.documents.segments(document.id))
            moved = work.documents.move(
                document.id,
                {State.RECEIVING},
                State.QUARANTINED,
                document.updated_at,
                size=document.size,
                sha256=document.sha256,
            )
            if not moved:
                raise Conflict
        for segment in self._segments[recorded:]:
            work.documents.add_segment(document.id, segment)
        work.jobs.add(job)
