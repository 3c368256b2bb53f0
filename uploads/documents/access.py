"""The gate: the only place that hands out what is in the clean bucket.

Every way out goes through `servable`: who is asking, whether the document is theirs, and whether
its state is CLEAN or RELEASED now, and its end has not come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

import structlog

from uploads.documents.errors import Gone, NotClean, NotFound, OtherBytes
from uploads.documents.kinds import ACTIVE, CODE
from uploads.documents.library import Library
from uploads.documents.model import GONE, Actor, Document, Rendition, State
from uploads.documents.names import content_disposition
from uploads.records.protocol import Records
from uploads.storage.protocol import Bucket, Storage

_TEXT = frozenset({"text/plain", "text/csv", "text/markdown", "text/html"})
# Stands in a token where a rendition's name would; no rendition is called so.
_ORIGINAL = "original"
_log = structlog.get_logger(__name__)


class ContentTokens(Protocol):
    """Makes and reads the short-lived tokens that the content host goes by."""

    def issue(self, document_id: str, rendition: str) -> str: ...

    def read(self, token: str, seconds: int | None = None) -> tuple[str, str]:
        """Document id and rendition name.

        Raises NotFound when forged or too old; `seconds` asks for a younger one than usual.
        """


class Access:
    """Ways out for clean bytes. `content_url` is the content host's origin."""

    def __init__(
        self,
        *,
        library: Library,
        records: Records,
        storage: Storage,
        tokens: ContentTokens,
        clock: Callable[[], datetime],
        content_url: str,
        link_seconds: int,
    ) -> None:
        self._clock = clock
        self._library = library
        self._records = records
        self._storage = storage
        self._tokens = tokens
        self._content_url = content_url
        self._link_seconds = link_seconds

    def download_url(self, actor: Actor, document_id: str) -> str:
        """A URL that lives at most a minute and always downloads (never displays).

        It is the store's, but for what is active: a store cannot send our headers, so that comes
        from the content host. Raises NotFound, Gone, NotClean.
        """
        document = self.look(actor, document_id)
        key = clean_key(document)
        if document.type in ACTIVE:
            return f"{self._content_url}/downloads/{self._tokens.issue(document.id, _ORIGINAL)}"
        return self._storage.sign_get(
            Bucket.CLEAN,
            key,
            disposition=attachment(document),
            content_type=served_type(document.type),
            seconds=self._link_seconds,
        )

    def look(self, actor: Actor, document_id: str) -> Document:
        """The document to whose bytes `download_url` leads. Raises NotFound, Gone, NotClean."""
        document = servable(self._library.get(actor, document_id), self._clock())
        clean_key(document)
        return document

    def rendition_url(self, actor: Actor, document_id: str, name: str) -> str:
        """An address on the content host for one rendition. Raises NotFound, Gone, NotClean."""
        document = servable(self._library.get(actor, document_id), self._clock())
        _rendition(document, name)
        return f"{self._content_url}/renditions/{self._tokens.issue(document.id, name)}"

    @contextmanager
    def open_rendition(self, token: str) -> Iterator[tuple[Rendition, Iterator[bytes]]]:
        """A rendition and its bytes, state checked now, whatever the token says.

        Raises NotFound, Gone, NotClean, StorageUnavailable.
        """
        document_id, name = self._tokens.read(token)
        document = self._records.read(lambda work: work.documents.find(document_id))
        if document is None:
            raise NotFound
        rendition = _rendition(servable(document, self._clock()), name)
        with self._storage.open(Bucket.CLEAN, rendition.key) as pieces:
            yield rendition, pieces

    @contextmanager
    def open_download(self, token: str) -> Iterator[tuple[Document, Iterator[bytes]]]:
        """An active document and its bytes, state checked now, whatever the token says.

        Other bytes than were inspected break it off before their end. Raises NotFound, Gone,
        NotClean, StorageUnavailable.
        """
        document_id, name = self._tokens.read(token, self._link_seconds)
        document = self._records.read(lambda work: work.documents.find(document_id))
        if document is None or name != _ORIGINAL or document.type not in ACTIVE:
            raise NotFound
        key = clean_key(servable(document, self._clock()))
        with self._storage.open(Bucket.CLEAN, key) as pieces:
            yield document, inspected(document, pieces)


def served_type(content_type: str) -> str:
    """The Content-Type a client gets: text is always told to be UTF-8, so nothing is guessed.

    Source code is plain text to everybody: no style sheet or script can be loaded from here.
    """
    if content_type == CODE:
        content_type = "text/plain"
    return f"{content_type}; charset=utf-8" if content_type in _TEXT else content_type


def attachment(document: Document) -> str:
    """The Content-Disposition of a document that is downloaded, marked where it was released."""
    released = document.state is State.RELEASED
    return content_disposition("attachment", document.name, released=released)


def servable(document: Document, now: datetime) -> Document:
    """The document, where its state and its end let it be handed out now. Raises Gone, NotClean."""
    if document.state in GONE or document.is_over(now):
        raise Gone
    if not document.servable:
        raise NotClean(state=document.state.value)
    return document


def clean_key(document: Document) -> str:
    """Where its inspected bytes are. Raises NotClean."""
    if document.clean_key is None:
        raise NotClean(state=document.state.value)
    return document.clean_key


def _rendition(document: Document, name: str) -> Rendition:
    """One of its pictures; of what had to be released nothing is shown."""
    if document.state is not State.CLEAN:
        raise NotFound
    for rendition in document.renditions:
        if rendition.name == name:
            return rendition
    raise NotFound


def inspected(document: Document, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All of a document's bytes; the last of them only when they are the inspected ones."""
    digest = hashlib.sha256()
    held = b""
    for piece in pieces:
        digest.update(piece)
        if held:
            yield held
        held = piece
    if digest.hexdigest() != document.sha256:
        _log.error("served_bytes_differ", document=document.id)
        raise OtherBytes("the store gave other bytes than were inspected")
    yield held
