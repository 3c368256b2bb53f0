"""A user's own documents: list, look at, wait for, delete. Every verb takes who is asking."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from uploads.documents import cursors
from uploads.documents.errors import NotFound, Unauthenticated
from uploads.documents.feed import Feed
from uploads.documents.intake import Hints
from uploads.documents.model import Actor, AuditEntry, Document, State
from uploads.documents.places import Places
from uploads.records.protocol import DocumentFilter, Leftover, Records, Work
from uploads.storage.protocol import Bucket


class Library:
    """Documents as their owner sees them; somebody else's do not exist here.

    `waits` are the places of those who wait: each of them holds a greenlet and a connection.
    `holds` says whether a credential is still good, to be asked once it was waited.
    """

    def __init__(
        self,
        *,
        records: Records,
        hints: Hints,
        clock: Callable[[], datetime],
        waits: Places | None = None,
        feed: Feed | None = None,
        holds: Callable[[Actor], bool] = lambda _: True,
    ) -> None:
        self._feed = feed or Feed(records)
        self._records = records
        self._hints = hints
        self._clock = clock
        self._waits = waits or Places(8, 8)
        self._holds = holds

    def list(
        self, actor: Actor, chosen: DocumentFilter, limit: int, cursor: str | None = None
    ) -> tuple[list[Document], str | None]:
        """Newest first, and the cursor of the next page or None. Raises Invalid on a bad cursor."""
        before = cursors.read(cursor)
        found = list(
            self._records.read(
                lambda work: work.documents.page(actor.user_id, chosen, limit + 1, before)
            )
        )
        return cursors.page(found, limit)

    def get(self, actor: Actor, document_id: str) -> Document:
        """One document. Raises NotFound for an unknown id and for somebody else's alike."""
        document = self._records.read(lambda work: work.documents.get(actor.user_id, document_id))
        if document is None:
            raise NotFound
        return document

    def wait(self, actor: Actor, document_id: str, seconds: float) -> Document:
        """The document at once when it is settled, else at its next change or after `seconds`.

        At once as well when too many wait already: a waiter must not cost others the service.
        Raises NotFound, and Unauthenticated where the caller's credential ended meanwhile.
        """
        document, number = self._look(actor, document_id)
        if seconds <= 0 or document.settled or not self._waits.take(actor.user_id):
            return document
        try:
            found = self._next(actor, document, number, seconds)
        finally:
            self._waits.leave(actor.user_id)
        if not self._holds(actor):
            raise Unauthenticated
        return found

    def _look(self, actor: Actor, document_id: str) -> tuple[Document, int]:
        """The document, and a number up to which nothing can have been missed. Raises NotFound."""

        def unit(work: Work) -> tuple[Document, int]:
            number = work.events.last(actor.user_id)
            document = work.documents.get(actor.user_id, document_id)
            if document is None:
                raise NotFound
            return document, number

        return self._records.read(unit)

    def _next(self, actor: Actor, document: Document, number: int, seconds: float) -> Document:
        deadline, first = time.monotonic() + seconds, document
        while not document.settled and document == first:
            left = deadline - time.monotonic()
            if left <= 0 or self._feed.ending():
                break
            self._feed.wait(actor.user_id, number, left)
            document, number = self._look(actor, document.id)
        return document

    def delete(self, actor: Actor, document_id: str) -> None:
        """Turn the document into a tombstone; its bytes go within the grace time.

        Raises NotFound. Deleting twice is quiet.
        """

        def find(work: Work) -> Document | None:
            return work.documents.get(actor.user_id, document_id)

        if self._records.write(lambda work: bury(work, find, self._clock(), actor.user_id)):
            self._hints.sweep()


def bury(work: Work, find: Callable[[Work], Document | None], now: datetime, by: str) -> bool:
    """Turn what `find` finds into a tombstone; whether it was none yet. Raises NotFound."""
    document = find(work)
    if document is not None:
        # Read again once nobody changes it any more: what came with a verdict that was committed
        # meanwhile, or was moved elsewhere, would be in nobody's ledger.
        work.quarantine.hold(document.id)
        document = find(work)
    if document is None:
        raise NotFound
    if document.state is State.DELETED:
        return False
    gone = {"name": "", "sha256": None, "clean_key": None, "quarantine_key": None}
    work.documents.move(document.id, {document.state}, State.DELETED, now, **gone)
    # Cancelled before the bytes are counted: a renderer either loses here or is waited for.
    work.jobs.cancel(document.id)
    announce_bytes(work, document, now)
    work.links.end_of(document.id, now)
    work.audit.append(AuditEntry(now, by, "document.deleted", document.id))
    return True


def announce_bytes(work: Work, document: Document, due_at: datetime) -> None:
    """Enter every object of a document into the leftovers: the one place that knows them all."""
    for segment in work.documents.drop_segments(document.id):
        work.leftovers.add(Leftover(Bucket.INCOMING, segment.key, due_at))
    for rendition in work.documents.drop_renditions(document.id):
        work.leftovers.add(Leftover(Bucket.CLEAN, rendition.key, due_at))
    if document.clean_key:
        work.leftovers.add(Leftover(Bucket.CLEAN, document.clean_key, due_at))
    if document.quarantine_key:
        work.leftovers.add(Leftover(Bucket.QUARANTINE, document.quarantine_key, due_at))
    work.quarantine.forget(document.id)
