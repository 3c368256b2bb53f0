"""What is behind a link, for whoever holds its address: the one way out without an account.

A download is counted once, before its first byte, and gives a ticket: a short-lived address under
which it is sent, in ranges and again where a connection broke. State, revocation and expiry are
looked up at each request, ticket or not; what is under way when they change is finished.

Where downloads are limited, everything sent under one ticket comes out of one allowance, which is a
byte less than twice the size: enough to resume and to jump about in a film, and never two copies
(`allowances`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol

import structlog

from uploads.documents import archive
from uploads.documents.access import clean_key, inspected, servable, served_type
from uploads.documents.allowances import Allowance, Charge
from uploads.documents.errors import (
    DownloadLimit,
    LinkEnded,
    NotFound,
    PasswordRequired,
    Unavailable,
    UploadsError,
)
from uploads.documents.kinds import PLAYED, SHOWN
from uploads.documents.links import Disposition, Link
from uploads.documents.model import AuditEntry, Document, State
from uploads.records.protocol import Records, Work
from uploads.storage.protocol import Bucket, Storage

_NOBODY = "nobody"
_log = structlog.get_logger(__name__)


class Tickets(Protocol):
    """Reads the addresses of links, makes and reads those of tickets."""

    def read(self, untrusted_token: str) -> str:
        """The link's id. Raises NotFound for anything that is not the address of a link."""

    def issue_ticket(self, link_id: str, number: int) -> str: ...

    def read_ticket(self, untrusted_ticket: str) -> tuple[str, int]:
        """The link's id and the download's number. Raises NotFound when forged or too old."""


class Secrets(Protocol):
    """Checks passwords, in constant time and without stopping others."""

    def verify(self, password_hash: str | None, password: str) -> bool: ...


@dataclass(frozen=True)
class Download:
    """What a link hands out now. `number` is that of the counted download, 0 before that."""

    link: Link
    documents: tuple[Document, ...]
    number: int = 0

    @property
    def single(self) -> Document | None:
        """The document, where it is one and not an archive of several."""
        return self.documents[0] if len(self.documents) == 1 else None

    @property
    def name(self) -> str:
        return self.single.name if self.single else archive.NAME

    @property
    def content_type(self) -> str:
        return served_type(self.single.type) if self.single else archive.TYPE

    @cached_property
    def size(self) -> int:
        """In bytes; of an archive it takes a look at each of up to a thousand documents."""
        return self.single.size if self.single else archive.archive_size(self.documents)

    @property
    def sha256(self) -> str | None:
        """Of exactly these bytes, as inspected; an archive has none."""
        return self.single.sha256 if self.single else None

    @property
    def made_at(self) -> datetime:
        return max(document.created_at for document in self.documents)

    @property
    def released(self) -> bool:
        """Whether any of it was refused, and is handed out only by two administrators' word."""
        return any(document.state is State.RELEASED for document in self.documents)

    @property
    def disposition(self) -> Disposition:
        """Only what is safe to show is ever shown, and nothing that had to be released."""
        one = self.single
        shown = one is not None and one.state is State.CLEAN and one.type in SHOWN
        return self.link.disposition if shown else Disposition.ATTACHMENT

    @property
    def played(self) -> bool:
        """Whether a browser shows it with a player, which fetches it in ranges of its own."""
        return self.disposition is Disposition.INLINE and self.content_type in PLAYED


class Fetching:
    """The verbs for strangers. Each refusal of a link that exists is in the audit trail."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        tickets: Tickets,
        secrets: Secrets,
        clock: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._records = records
        self._storage = storage
        self._tickets = tickets
        self._secrets = secrets
        self._clock = clock
        self._pause = pause

    def link_id(self, untrusted_token: str) -> str:
        """The id of the link with this address, whether or not there is one. Raises NotFound."""
        return self._tickets.read(untrusted_token)

    def look(self, untrusted_token: str, password: str | None) -> Download:
        """What the link would hand out; nothing is counted.

        Raises NotFound, LinkEnded, DownloadLimit, PasswordRequired, Gone, NotClean.
        """
        link, documents = self._find(self._tickets.read(untrusted_token))
        try:
            now = self._clock()
            link.check_living(now)
            link.check_uses()
            self._check_password(link, password)
            return _download(link, documents, now)
        except UploadsError as error:
            if isinstance(error, PasswordRequired):
                found = Download(link, tuple(documents))
                error.released = found.released
                error.shown = found.disposition is Disposition.INLINE
            # To be asked for the password is no refusal yet.
            if not (isinstance(error, PasswordRequired) and password is None):
                self._note(link, error)
            raise

    def use(self, download: Download) -> str:
        """Count the download and return its ticket. Raises LinkEnded, DownloadLimit."""
        link, now = download.link, self._clock()
        allowance = 2 * download.size - 1

        def unit(work: Work) -> int | None:
            number = work.links.use(link.id, now, allowance)
            if number is not None:
                detail = {"number": number}
                work.audit.append(AuditEntry(now, _NOBODY, "link.used", link.id, detail))
            return number

        number = self._records.write(unit)
        if number is None:
            current = self._records.read(lambda work: work.links.find(link.id))
            ended = current is None or not current.used_up
            error = LinkEnded() if ended else DownloadLimit()
            self._note(link, error)
            raise error
        return self._tickets.issue_ticket(link.id, number)

    def resume(self, untrusted_ticket: str) -> Download:
        """What is sent under a ticket, as it is now. Raises NotFound, LinkEnded, Gone, NotClean."""
        link_id, number = self._tickets.read_ticket(untrusted_ticket)
        link, documents = self._find(link_id)
        now = self._clock()
        link.check_living(now)
        return replace(_download(link, documents, now), number=number)

    def check_whole(self, download: Download) -> None:
        """Raises DownloadLimit where too little of the allowance is left to send all of it."""
        allowance = _allowance(self._records, download)
        if allowance is not None and allowance.left() < download.size:
            raise DownloadLimit

    @contextmanager
    def open(self, download: Download, offset: int, length: int) -> Iterator[Iterator[bytes]]:
        """Stream a part of one document, or the whole of an archive, in pieces of 64 KiB at most.

        What cannot be sent as announced raises in the middle, StorageUnavailable among others, so
        that it breaks the connection. Raises DownloadLimit where the allowance is used up.
        """
        patient = self._pause if download.played else None
        charge = Charge(_allowance(self._records, download), length, patient)
        try:
            with self._source(download, offset, length) as pieces:
                yield charge.counted(pieces)
        finally:
            charge.settle()

    @contextmanager
    def _source(self, download: Download, offset: int, length: int) -> Iterator[Iterator[bytes]]:
        document = download.single
        if document is None:
            yield archive.archive(download.documents, self._member)
            return
        key = clean_key(document)
        with self._storage.open_range(Bucket.CLEAN, key, offset, length) as pieces:
            yield inspected(document, pieces) if length == document.size else pieces

    def _member(self, member: Document) -> Iterator[bytes]:
        """A document of an archive, whose state is looked up when its turn has come."""
        found = self._records.read(lambda work: work.documents.find(member.id))
        if found is None:
            raise LinkEnded
        key = clean_key(servable(found, self._clock()))
        with self._storage.open_range(Bucket.CLEAN, key, 0, found.size) as pieces:
            yield from inspected(found, pieces)

    def _find(self, link_id: str) -> tuple[Link, list[Document]]:
        def unit(work: Work) -> tuple[Link, list[Document]]:
            link = work.links.find(link_id)
            if link is None:
                raise NotFound
            by_id = {one.id: one for one in work.documents.named(link.documents)}
            return link, [by_id[one] for one in link.documents if one in by_id]

        return self._records.read(unit)

    def _check_password(self, link: Link, password: str | None) -> None:
        if link.password_hash is None:
            return
        if password is None or not self._secrets.verify(link.password_hash, password):
            raise PasswordRequired

    def _note(self, link: Link, error: UploadsError) -> None:
        detail = {"code": error.code}
        entry = AuditEntry(self._clock(), _NOBODY, "link.refused", link.id, detail)
        try:
            self._records.write(lambda work: work.audit.append(entry))
        except Unavailable as unavailable:
            _log.warning("refusal_not_recorded", code=error.code, cause=unavailable.cause)


def _allowance(records: Records, download: Download) -> Allowance | None:
    if download.link.max_downloads is None:
        return None
    return Allowance(records, download.link.id, download.number)


def _download(link: Link, documents: list[Document], now: datetime) -> Download:
    """Raises LinkEnded where a document is missing, and Gone or NotClean for any of them."""
    if len(documents) < len(link.documents):
        raise LinkEnded
    return Download(link, tuple(servable(document, now) for document in documents))
