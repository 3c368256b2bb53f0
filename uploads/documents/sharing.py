"""A user's links: make, list, look at, revoke. Every verb takes who is asking.

A link's address is its id and a mark made of it with the service's secret. It is kept nowhere, and
can be shown again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from uploads.documents import cursors
from uploads.documents.access import servable
from uploads.documents.errors import Conflict, Invalid, LinkEnded, NotFound
from uploads.documents.kinds import SHOWN
from uploads.documents.library import Library
from uploads.documents.links import MOST_DOCUMENTS, MOST_LINKS, MOST_SHARED, Disposition, Link
from uploads.documents.model import Actor, AuditEntry, Document, State
from uploads.documents.receipts import Keep, keep_nothing
from uploads.records.protocol import Records, Work


class Addresses(Protocol):
    def issue(self, link_id: str) -> str:
        """What stands in the link's address: always the same for the same link."""


class Hasher(Protocol):
    def hash(self, password: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants to share, and how; `expires_in` in seconds."""

    documents: tuple[str, ...]
    disposition: Disposition = Disposition.ATTACHMENT
    expires_in: int | None = None
    max_downloads: int | None = None
    password: str | None = None


class Sharing:
    """Links as their owner sees them; somebody else's do not exist here.

    `check_room` raises StorageFull where a disk is about to be full.
    """

    def __init__(
        self,
        *,
        records: Records,
        library: Library,
        addresses: Addresses,
        hasher: Hasher,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        content_url: str,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._library = library
        self._addresses = addresses
        self._hasher = hasher
        self._clock = clock
        self._new_id = new_id
        self._content_url = content_url
        self._check_room = check_room

    def make(self, actor: Actor, wish: Wish, keep: Keep[Link] = keep_nothing) -> Link:
        """Make a link to documents that can be handed out now.

        Raises NotFound for any that is not the actor's, Gone and NotClean by their states, Invalid
        where something is to be shown that is not safe to show, Conflict where there are too many
        links, and StorageFull.
        """
        self._check_room()
        now = self._clock()
        self._records.read(lambda work: _check(work, actor, wish, now))
        link = Link(
            id=f"lnk_{self._new_id()}",
            owner_id=actor.user_id,
            documents=wish.documents,
            disposition=wish.disposition,
            created_at=now,
            expires_at=now + timedelta(seconds=wish.expires_in) if wish.expires_in else None,
            max_downloads=wish.max_downloads,
            password_hash=self._hasher.hash(wish.password) if wish.password else None,
        )
        detail = {"documents": list(link.documents), "password": bool(link.password_hash)}
        entry = AuditEntry(now, actor.user_id, "link.created", link.id, detail)

        def unit(work: Work) -> None:
            # Again, in the commit that makes it: a document that is deleted now would not end it.
            _check(work, actor, wish, now)
            _check_bounds(work, actor, wish, now)
            work.links.add(link)
            work.audit.append(entry)
            keep(work, link)

        self._records.write(unit)
        return link

    def list(
        self, actor: Actor, limit: int, cursor: str | None = None, document_id: str | None = None
    ) -> tuple[list[Link], str | None]:
        """Links that were not ended, of one document or of all, newest first, and a cursor or None.

        Raises Invalid on a bad cursor, NotFound for a document that is not the actor's.
        """
        before = cursors.read(cursor)
        if document_id is not None:
            self._library.get(actor, document_id)
        found = self._records.read(
            lambda work: list(work.links.page(actor.user_id, document_id, limit + 1, before))
        )
        return cursors.page(found, limit)

    def get(self, actor: Actor, link_id: str) -> Link:
        """One link. Raises NotFound, also for somebody else's, and LinkEnded."""
        link = self._records.read(lambda work: work.links.get(actor.user_id, link_id))
        if link is None:
            raise NotFound
        if link.ended_at is not None:
            raise LinkEnded
        return link

    def revoke(self, actor: Actor, link_id: str) -> None:
        """End a link; what is being sent by it is finished. Raises NotFound. Twice is quiet."""
        now = self._clock()

        def unit(work: Work) -> None:
            if work.links.get(actor.user_id, link_id) is None:
                raise NotFound
            if work.links.end(link_id, now):
                work.audit.append(AuditEntry(now, actor.user_id, "link.revoked", link_id))

        self._records.write(unit)

    def url(self, link_id: str) -> str:
        """The link's address on the content host."""
        return f"{self._content_url}/links/{self._addresses.issue(link_id)}"


def _check(work: Work, actor: Actor, wish: Wish, now: datetime) -> None:
    by_id = {document.id: document for document in work.documents.named(wish.documents)}
    documents = [by_id.get(document_id) for document_id in wish.documents]
    mine = [one for one in documents if one is not None and one.owner_id == actor.user_id]
    if len(mine) < len(documents):
        raise NotFound
    for document in mine:
        servable(document, now)
    if wish.disposition is Disposition.INLINE and not _can_be_shown(mine):
        problem = {"pointer": "/disposition", "detail": "`inline` is not for these files"}
        raise Invalid(
            "Only one picture, plain text, sound or film that was found clean can be shown in the "
            "browser. Use `attachment`.",
            errors=[problem],
        )


def _check_bounds(work: Work, actor: Actor, wish: Wish, now: datetime) -> None:
    living, more = work.links.living(actor.user_id, now), len(wish.documents)
    if living >= MOST_LINKS:
        raise Conflict(
            f"You have {MOST_LINKS} links, and no more may be. Revoke some that nobody needs."
        )
    # Few links cannot name so many, and most users have few.
    if living * MOST_DOCUMENTS + more <= MOST_SHARED:
        return
    if work.links.shared(actor.user_id, now) + more > MOST_SHARED:
        raise Conflict(
            f"Your links would name more than {MOST_SHARED} documents, and no more may be. Revoke "
            "some that nobody needs, or share fewer at once."
        )


def _can_be_shown(documents: list[Document]) -> bool:
    one = documents[0]
    return len(documents) == 1 and one.type in SHOWN and one.state is State.CLEAN
