"""What may no longer be: leftovers, dead uploads and grants, orphans, tombstones, old sessions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from uploads.clock import made_at
from uploads.documents.errors import ObjectMissing, StorageUnavailable, Unavailable
from uploads.documents.grants import GrantState
from uploads.documents.library import announce_bytes
from uploads.documents.model import GONE, REFUSED, JobKind, Segment, State
from uploads.documents.packs import is_shared, left_alone
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage
from workers.expiring import expire
from workers.scratch import Scratch
from workers.writing_ahead import written_ahead

_log = structlog.get_logger(__name__)
_AT_ONCE = 200
# A sweep that deletes for longer leaves the process to whoever waits; the next goes on.
_REAPS_SECONDS = 3.0
_NEWS_AT_ONCE = 1000
_ANSWERS_KEPT = timedelta(hours=24)  # what the contract promises for an Idempotency-Key

_CANARIES_KEPT = timedelta(days=7)  # of hosts that are no more


class Reaper:
    """The only deleter of objects: takes what the ledger of leftovers names, when it is due.

    What documents may share is left alone for a while, a part of the `grace` time (`left_alone`).
    """

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        clock: Callable[[], datetime],
        grace: timedelta,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ticks` is a monotonic clock, in seconds."""
        self._records = records
        self._storage = storage
        self._clock = clock
        self._patience = left_alone(grace)
        self._ticks = ticks

    def reap_due(self) -> int:
        """Delete what is due, for some seconds at most; returns how many.

        Raises StorageUnavailable when one could not be deleted; the others are gone all the same.
        """
        done, until = 0, self._ticks() + _REAPS_SECONDS
        while self._ticks() < until:
            now = self._clock()
            due = self._records.write(
                lambda work: work.leftovers.doom(now, _AT_ONCE, self._patience)  # noqa: B023
            )
            gone, left = self._delete(due, until)
            done += gone
            if left:
                raise StorageUnavailable(f"{left} leftovers could not be deleted")
            if not due:
                break
        return done

    def reap(self, leftovers: Sequence[Leftover]) -> None:
        """Delete these now, as far as the store lets us; the others wait in the ledger.

        So does what is shared, until no file in it can count any more.
        """
        self._delete([one for one in leftovers if not is_shared(one.key)])

    def _delete(
        self, leftovers: Sequence[Leftover], until: float = float("inf")
    ) -> tuple[int, int]:
        """Delete what can be deleted until then, and forget it; how many went, how many did not."""
        gone: list[Leftover] = []
        left = 0
        for leftover in leftovers:
            if self._ticks() >= until:
                break
            try:
                self._storage.delete(leftover.bucket, leftover.key)
                gone.append(leftover)
            except Unavailable as error:
                left += 1
                _log.warning("leftover_waits", key=leftover.key, cause=error.cause)

        def forget(work: Work) -> None:
            for leftover in gone:
                work.leftovers.forget(leftover.bucket, leftover.key)

        if gone:
            self._records.write(forget)
        return len(gone), left


class Tidier:
    """Finds what no ledger names: uploads nobody continues, objects without a row, old rows."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        scratch: Scratch,
        clock: Callable[[], datetime],
        grace: timedelta,
        keep_refused: timedelta,
        keep_tombstones: timedelta,
        keep_deliveries: timedelta,
        keep_events: timedelta,
        end_sessions: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._records = records
        self._storage = storage
        self._scratch = scratch
        self._clock = clock
        self._grace = grace
        self._keep_refused = keep_refused
        self._keep_tombstones = keep_tombstones
        self._keep_deliveries = keep_deliveries
        self._keep_events = keep_events
        self._end_sessions = end_sessions
        self._new_id = new_id

    def tidy(self) -> None:
        """One round over everything that may have become old. Raises Unavailable."""
        now = self._clock()
        for some in (
            self._end_grants,
            self._drop_dead_uploads,
            self._expire_refused,
            self._drop_tombstones,
            self._drop_old_news,
        ):
            # All there are: what comes faster than a round takes would pile up for ever.
            while self._records.write(lambda work: some(work, now)):  # noqa: B023
                continue
        self._records.write(lambda work: self._drop_old_rows(work, now))
        self._end_sessions()
        self._scratch.remove_older(self._grace.total_seconds())
        self._announce_orphans(now)
        self._part(now)

    def _end_grants(self, work: Work, now: datetime) -> int:
        """Their room is back with this; their bytes are in no row now and found as orphans."""
        overdue = work.grants.overdue(now, _AT_ONCE)
        for grant in overdue:
            work.grants.end(grant.id, GrantState.EXPIRED)
        return len(overdue)

    def _drop_dead_uploads(self, work: Work, now: datetime) -> int:
        """A RECEIVING row that nobody touched for the grace time was never answered with 2xx."""
        dead = work.documents.stalled({State.RECEIVING}, now - self._grace, _AT_ONCE)
        for document in dead:
            # Moved first: what was committed since it was read, answered with 2xx, stays.
            if work.documents.move(document.id, {State.RECEIVING}, State.EXPIRED, now):
                announce_bytes(work, document, now)
                work.documents.remove(document.id)
        return len(dead)

    def _expire_refused(self, work: Work, now: datetime) -> int:
        """The desk's time with a refused file is over: its owner gets the room back."""
        ended = 0
        for document in work.documents.stalled(REFUSED, now - self._keep_refused, _AT_ONCE):
            if work.jobs.open_since(document.id, JobKind.RELEASE) is not None:
                continue  # two administrators want it kept: a worker is to carry it out
            ended += expire(work, document, now)
        return ended

    def _drop_tombstones(self, work: Work, now: datetime) -> int:
        ended = work.documents.stalled(GONE, now - self._keep_tombstones, _AT_ONCE)
        for document in ended:
            # Made while the document was being deleted, a link was not there to be ended.
            work.links.end_of(document.id, now)
            work.documents.remove(document.id)
        return len(ended)

    def _drop_old_rows(self, work: Work, now: datetime) -> None:
        work.grants.remove_ended(now - self._keep_tombstones)
        work.links.remove_ended(now - self._keep_tombstones)
        work.answers.remove_before(now - _ANSWERS_KEPT)
        work.inspections.forget_canaries(now - _CANARIES_KEPT)

    def _drop_old_news(self, work: Work, now: datetime) -> int:
        events = work.events.remove_before(now - self._keep_events, _NEWS_AT_ONCE)
        return events + work.deliveries.remove_before(now - self._keep_deliveries, _NEWS_AT_ONCE)

    def _part(self, now: datetime) -> None:
        """Give files that wait objects of their own, where the one they share is to go by now.

        Not while they are inspected: they settle then, or wait again. An object that a kill leaves
        here is an orphan.
        """
        # Well before the object may go: this round may be the last one until then.
        before = now - left_alone(self._grace) / 2
        moved = _AT_ONCE
        while moved == _AT_ONCE:
            held_up = self._records.read(lambda work: work.leftovers.held_up(before, _AT_ONCE))
            moved = sum(self._moved_out(document_id, segment) for document_id, segment in held_up)

    def _moved_out(self, document_id: str, segment: Segment) -> bool:
        """Whether it could be. What the store has lost of one file is no reason to leave others."""
        try:
            return self._move_out(document_id, segment)
        except (ObjectMissing, StorageUnavailable) as error:
            _log.warning("segment_stays", key=segment.key, cause=str(error))
            return False

    def _move_out(self, document_id: str, segment: Segment) -> bool:
        key = f"{document_id.removeprefix('doc_')}/{self._new_id()}"
        start = segment.start or 0
        with self._storage.open_range(Bucket.INCOMING, segment.key, start, segment.size) as pieces:
            body = list(pieces)

        def unit(work: Work) -> bool:
            # Whoever was held up for too long finds it doomed, and its file where it was.
            if not work.leftovers.take_back(Bucket.INCOMING, key):
                return False
            if work.documents.move_segment(document_id, segment, key):
                return True
            work.leftovers.add(Leftover(Bucket.INCOMING, key, self._clock()))
            return False

        with written_ahead(self._records, self._clock, self._grace, Bucket.INCOMING, key):
            self._storage.put(Bucket.INCOMING, key, body, segment.size)
            return self._records.write(unit)

    def _announce_orphans(self, now: datetime) -> None:
        """Objects in `incoming` that are older than the grace time and in no committed row.

        Only `incoming` can have them: every other object is announced before it is put. A store
        whose clock is behind makes new ones look old; but the keys of those that may be recorded at
        any moment tell when they were made.
        """
        for found in self._storage.list(Bucket.INCOMING):
            # What is shared is left alone for a while after it was announced.
            wait = left_alone(self._grace) if is_shared(found.key) else timedelta(0)
            came = made_at(found.key.rpartition("/")[2]) or found.modified_at
            if max(came, found.modified_at) > now - (self._grace - wait):
                continue
            orphan = Leftover(Bucket.INCOMING, found.key, now)
            self._records.write(lambda work: _announce_if_unknown(work, orphan))  # noqa: B023


def _announce_if_unknown(work: Work, orphan: Leftover) -> None:
    # Asked first: a grant that is completed just now has its segments in the same commit.
    if work.grants.names(orphan.key):
        return
    # What was announced already keeps its time: a failed document's bytes are kept for a while.
    known = work.documents.held(orphan.key) or work.leftovers.announced(orphan.bucket, orphan.key)
    if not known:
        work.leftovers.add(orphan)
