"""The gate: the only place that hands out what is in the clean bucket.

Every way out goes through `_servable`: who is asking, whether the document is theirs, and whether
its state is CLEAN or RELEASED now.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from uploads.documents.errors import Gone, NotClean, NotFound
from uploads.documents.library import Library
from uploads.documents.model import GONE, Actor, Document, Rendition
from uploads.documents.names import content_disposition
from uploads.records.protocol import Records
from uploads.storage.protocol import Bucket, Storage

_TEXT = frozenset({"text/plain", "text/csv", "text/markdown"})


class ContentTokens(Protocol):
    """Makes and reads the short-lived tokens that the content host goes by."""

    def issue(self, document_id: str, rendition: str) -> str: ...

    def read(self, token: str) -> tuple[str, str]:
        """Document id and rendition name. Raises NotFound when forged or too old."""


class Access:
    """Ways out for clean bytes. `content_url` is the content host's origin."""

    def __init__(
        self,
        *,
        library: Library,
        records: Records,
        storage: Storage,
        tokens: ContentTokens,
        content_url: str,
        link_seconds: int,
    ) -> None:
        self._library = library
        self._records = records
        self._storage = storage
        self._tokens = tokens
        self._content_url = content_url
        self._link_seconds = link_seconds

    def download_url(self, actor: Actor, document_id: str) -> str:
        """A store URL that lives at most a minute and always downloads (never displays).

        Raises NotFound, Gone, NotClean.
        """
        document = _servable(self._library.get(actor, document_id))
        if document.clean_key is None:
            raise NotClean(state=document.state.value)
        return self._storage.sign_get(
            Bucket.CLEAN,
            document.clean_key,
            disposition=content_disposition("attachment", document.name),
            content_type=served_type(document.type),
            seconds=self._link_seconds,
        )

    def rendition_url(self, actor: Actor, document_id: str, name: str) -> str:
        """An address on the content host for one rendition. Raises NotFound, Gone, NotClean."""
        document = _servable(self._library.get(actor, document_id))
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
        rendition = _rendition(_servable(document), name)
        with self._storage.open(Bucket.CLEAN, rendition.key) as pieces:
            yield rendition, pieces


def served_type(content_type: str) -> str:
    """The Content-Type a client gets: text is always told to be UTF-8, so nothing is guessed."""
    return f"{content_type}; charset=utf-8" if content_type in _TEXT else content_type


def _servable(document: Document) -> Document:
    if document.state in GONE:
        raise Gone
    if not document.servable:
        raise NotClean(state=document.state.value)
    return document


def _rendition(document: Document, name: str) -> Rendition:
    for rendition in document.renditions:
        if rendition.name == name:
            return rendition
    raise NotFound
