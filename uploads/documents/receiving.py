"""Turns a stream of pieces into stored segments and, at its end, into a document with a job.

A segment counts only once its row is committed. A file of one segment needs one commit, at the
end; a longer one gets a RECEIVING row with its first segment, which every further segment keeps
alive. Some segments are on their way to the store while the next one arrives; they are recorded in
their order. Crash windows: an object whose row was never committed is found by the sweeper in
`incoming`; a RECEIVING row that nobody touches any more is expired by it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from uploads.documents.errors import Conflict, EmptyFile, StorageUnavailable
from uploads.documents.model import (
    AuditEntry,
    Document,
    Job,
    JobKind,
    Segment,
    State,
    Usage,
)
from uploads.documents.packs import RECORDED_WITHIN, Packs, Parcel, is_shared
from uploads.documents.receipts import Receipt
from uploads.documents.shipments import Shipment
from uploads.documents.spool import Room, Spool
from uploads.faults import step
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage

# Segments of one file that are on their way to the store at a time.
_UNDER_WAY = 2
# Bytes from which on a segment is sent off early where memory has run out, so that slow clients
# that end together leave less to do. It grows with the file: a large one must not come in crumbs.
_WORTH_IT = 1024 * 1024


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
        room: Room,
        packs: Packs,
        segment_bytes: int,
        segment_seconds: int,
        grace_seconds: int,
        admit: Callable[[Usage, int], None],
        receipt: Receipt | None = None,
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
        self._receipt = receipt
        self._digest = hashlib.sha256()
        self._room = room
        self._packs = packs
        self._spool = Spool(room)
        self._buffered_since = draft.created_at
        self._segments: list[Segment] = []
        self._under_way: deque[Shipment] = deque()
        self._has_row = False

    @property
    def size(self) -> int:
        """Bytes received so far."""
        stored = self._segments[-1].offset + self._segments[-1].size if self._segments else 0
        return stored + self._spool.size

    @property
    def sha256(self) -> str:
        """Digest of the bytes received so far, lowercase hex."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Take the next piece; sends a segment on its way when enough has come together.

        Raises what became of the segment before.
        """
        if self._full():
            self._send_off()
        while not self._spool.fits(piece):
            # Its memory may be enough for this piece, and the disk is spared.
            if self._under_way:
                self._land()
            elif self._spool.size >= max(_WORTH_IT, self.size // 4):
                self._send_off()
            else:
                break
        if not self._spool.size:
            self._buffered_since = self._clock()
        self._digest.update(piece)
        self._spool.write(piece)

    def finish(self) -> tuple[Document, Job]:
        """Store the rest and commit document, segments and job in one transaction.

        Raises EmptyFile, and Conflict when the sweeper gave the upload up meanwhile.
        """
        if self.size == 0:
            raise EmptyFile
        stored_at = self._clock()
        if self._spool.size:
            self._put_last()
        while self._under_way:
            self._land()
        step("s4")
        now = self._clock()
        document = replace(
            self._draft,
            state=State.QUARANTINED,
            size=self.size,
            sha256=self.sha256,
            updated_at=now,
        )
        job = Job.about(document, JobKind.INSPECT, self._new_id(), now)
        if self._receipt is not None:
            self._receipt.make_out(document)
        self._records.write(lambda work: self._commit(work, document, job, stored_at))
        step("s5")
        return document, job

    def discard(self, entry: AuditEntry, *, unknown: bool = False) -> None:
        """Leave nothing of this file but the audit entry. Where it is `unknown` whether it was
        committed, it may still be: its bytes stay, and are the sweeper's if it never is."""
        self._spool.close()
        for shipment in self._under_way:
            shipment.wait()
        if not self._records.write(lambda work: self._undo(work, entry, unknown)):
            return
        # What is shared stays announced: files of others in it may be about to be recorded.
        mine = [segment.key for segment in self._segments if not is_shared(segment.key)]
        with suppress(StorageUnavailable):  # then the sweeper deletes what is announced
            for key in mine:
                self._storage.delete(Bucket.INCOMING, key)
            if mine:
                self._records.write(lambda work: _forget(work, mine))

    def _undo(self, work: Work, entry: AuditEntry, unknown: bool) -> bool:
        """Take the row back and announce the objects; whether they may go.

        There may be a row although none is known here, by a commit whose answer was lost. Once a
        worker has begun with it, it settles by itself and is left alone. A tombstone stays.
        """
        work.audit.append(entry)
        now = self._clock()
        unbegun = {State.RECEIVING, State.QUARANTINED}
        # Moved first: what a worker has begun with meanwhile is not taken from under it.
        if work.documents.move(self._draft.id, unbegun, State.EXPIRED, now):
            work.documents.remove(self._draft.id)
        else:
            found = work.documents.find(self._draft.id)
            if unknown if found is None else found.state is not State.DELETED:
                return False
        if self._receipt is not None:
            self._receipt.withdraw(work)
        for segment in self._segments:
            work.leftovers.add(Leftover(Bucket.INCOMING, segment.key, now))
        return True

    def _full(self) -> bool:
        if not self._spool.size:
            return False
        old = self._clock() - self._buffered_since >= self._segment_age
        return old or self._spool.size >= self._segment_bytes

    def _send_off(self) -> None:
        while len(self._under_way) >= _UNDER_WAY:
            self._land()
        self._under_way.append(Shipment(self._ship()))

    def _ship(self) -> Callable[[], None]:
        """What stores and records the segment that is full now, after those before it."""
        segment, spool = self._loaded()
        before = self._under_way[-1] if self._under_way else None

        def act() -> None:
            stored_at = self._clock()
            self._put(segment, spool)
            if before is None or before.landed():
                self._record(segment, stored_at)

        return act

    def _land(self) -> None:
        """Wait for the first segment that is under way. Raises what became of it."""
        shipment = self._under_way.popleft()
        shipment.wait()
        if shipment.error is not None:
            raise shipment.error

    def _loaded(self) -> tuple[Segment, Spool]:
        """What is buffered, as a segment; remembered before it is put, so that discard finds it."""
        key = f"{self._draft.id.removeprefix('doc_')}/{self._new_id()}"
        segment = Segment(self.size - self._spool.size, self._spool.size, key)
        spool, self._spool = self._spool, Spool(self._room)
        self._segments.append(segment)
        return segment, spool

    def _put_last(self) -> None:
        """Store what is buffered, with others of the owner's where it is all of a small file."""
        segment, spool = self._loaded()
        if segment.offset or not self._packs.takes(segment.size):
            return self._put(segment, spool)
        self._commit_within = min(self._commit_within, RECORDED_WITHIN)
        parcel = Parcel(segment.key, spool, segment.size)
        try:
            self._packs.put(self._draft.owner_id, parcel)
        finally:
            self._segments[-1] = replace(segment, key=parcel.key, start=parcel.start)
            spool.close()

    def _put(self, segment: Segment, spool: Spool) -> None:
        try:
            self._storage.put(Bucket.INCOMING, segment.key, spool, segment.size)
        finally:
            spool.close()

    def _record(self, segment: Segment, stored_at: datetime) -> None:
        """Commit a segment of a file that goes on."""
        counted = self._counted(segment.offset + segment.size)

        def unit(work: Work) -> None:
            self._check_not_swept(stored_at)
            if not self._has_row:
                self._admit(work.documents.add(replace(self._draft, size=counted)), counted)
            else:
                self._grow(work, self._clock(), counted)
            work.documents.add_segment(self._draft.id, segment)

        self._records.write(unit)
        self._has_row = True

    def _grow(self, work: Work, now: datetime, counted: int) -> None:
        """Keep the row alive and count what came in addition."""
        usage = work.documents.grow(self._draft.id, counted, now)
        if usage is None:
            raise Conflict("The upload was deleted or given up meanwhile. Send the file again.")
        self._admit(usage, counted)

    def _counted(self, stored: int) -> int:
        """What this file counts for: what was announced, or what is stored where that is more."""
        return max(self._draft.size, stored)

    def _check_not_swept(self, stored_at: datetime) -> None:
        """Raises Conflict when the newest object is so old that it may pass for an orphan."""
        if self._clock() - stored_at > self._commit_within:
            raise Conflict("The file took too long to be recorded. Send it again.")

    def _commit(self, work: Work, document: Document, job: Job, stored_at: datetime) -> None:
        self._check_not_swept(stored_at)
        if not self._has_row:
            self._admit(work.documents.add(document), document.size)
            recorded = 0
        else:
            self._grow(work, document.updated_at, self._counted(document.size))
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
        if self._receipt is not None:
            self._receipt.enter(work)


def _forget(work: Work, keys: Sequence[str]) -> None:
    for key in keys:
        work.leftovers.forget(Bucket.INCOMING, key)
