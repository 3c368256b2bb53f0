"""`Client`: what a program does with the service, one method for each thing."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Literal, Self

import httpx

from uploads_client import answers, downloads
from uploads_client.answers import Document, Link
from uploads_client.errors import WaitTimeout
from uploads_client.files import File
from uploads_client.many import Sending
from uploads_client.planning import Bounds, planned
from uploads_client.retrying import Retries
from uploads_client.sources import (
    Content,
    Meter,
    Progress,
    Seekable,
    Source,
    checked_type,
    name_for,
    opened,
)
from uploads_client.transfers import Granted, Offer, Streamed, Transfer, with_digest
from uploads_client.wire import Waiting, Wire, fresh_key, members_of
from uploads_client.work import Work

MIB = 1024 * 1024
Method = Literal["auto", "stream", "put", "multipart"]
Disposition = Literal["attachment", "inline"]
# What the service waits for at most, and what may pass between asking it again too early.
_POLL_SECONDS = 30
_PAUSE_SECONDS = 0.5


class Client:
    """One service and one key; use it in a `with` block. Threads may share it.

    `timeout` is how long the other side may be silent, in seconds. Files of up to `stream_up_to`
    bytes are streamed, of up to `put_up_to` sent by one signed PUT, larger ones in parts, `workers`
    at a time. `waiting` is called with the seconds before each further try and the error that made
    it necessary, from any thread. `verify` and `transport` are those of `httpx.Client`. Raises
    ValueError for an address or a key that can be none.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 60.0,
        retries: Retries | None = None,
        workers: int = 4,
        stream_up_to: int = 8 * MIB,
        put_up_to: int = 64 * MIB,
        waiting: Waiting | None = None,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if workers < 1 or timeout <= 0:
            raise ValueError("workers and timeout must be more than nothing.")
        self._timeout, self._workers = timeout, workers
        self._stream_up_to, self._put_up_to = stream_up_to, put_up_to
        self._wire = Wire(
            url,
            key,
            timeout=timeout,
            retries=retries or Retries(),
            verify=verify,
            transport=transport,
            waiting=waiting,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # --- files go up ---

    def upload(
        self,
        content: Content,
        *,
        name: str | None = None,
        type: str | None = None,
        progress: Progress | None = None,
        reading: Progress | None = None,
        method: Method = "auto",
    ) -> Document:
        """Send a file: a path, bytes, or a binary stream from where it stands.

        `name` is needed where the content has none; `type` is otherwise the extension's. `progress`
        is called with the bytes sent and the size (None where nobody knows it), from any thread,
        and with fewer bytes again where a part had to be sent anew. `reading` is called alike with
        the bytes read for the digest, where it is made before anything is sent.

        Returns the document as it was taken: not inspected yet, see `wait`. Raises UploadsError
        (among them NotReachable, DigestMismatch), OSError, and ValueError.
        """
        chosen, kind = name_for(content, name), checked_type(type)
        with opened(content) as source:
            size = source.size if isinstance(source, Seekable) else None
            offer = Offer(source, chosen, kind, Meter(size, progress), Meter(size, reading))
            try:
                return self._transfer(source, method).send(offer)
            finally:
                offer.meter.end()

    def upload_all(
        self,
        contents: Iterable[Content | File],
        *,
        type: str | None = None,
        progress: Progress | None = None,
        reading: Progress | None = None,
        at_once: int | None = None,
    ) -> Sending:
        """Send many files: what `upload` takes, or a `File`. `at_once` at a time, else 2 `workers`.

        Returns an iterator of what became of each, as they end (`Sent`); what goes wrong with one
        is its `error`, and keeps no other. Only where there is no answer at all, those that were
        not begun end as NotDone. Stop in the middle by leaving its `with` block, or by `close`.

        `progress` and `reading` are called as by `upload`, for all files together. `type` is for
        files that have none of their own. Limits of the service are waited for. Raises ValueError.
        """
        # Of a small file most of the time is waiting.
        count = 2 * self._workers if at_once is None else at_once
        if count < 1:
            raise ValueError("at_once must be more than nothing.")
        bounds = Bounds(self._stream_up_to, self._put_up_to, count)
        work = Work(self._wire, planned(contents, type, bounds), progress, reading)
        return Sending(work, lambda offer: self._transfer(offer.source, "auto").send(offer))

    def _transfer(self, source: Source, method: Method) -> Transfer:
        if method not in {"auto", "stream", "put", "multipart"}:
            raise ValueError("The method is one of auto, stream, put, multipart.")
        if method == "auto":
            if not isinstance(source, Seekable) or source.size <= self._stream_up_to:
                method = "stream"
            else:
                method = "put" if source.size <= self._put_up_to else "multipart"
        if method == "stream":
            return Streamed(self._wire)
        return Granted(self._wire, method, self._workers)

    # --- documents ---

    def get(self, document_id: str) -> Document:
        """One document as it is now. Raises NotFound and other UploadsErrors."""
        return self._get(document_id)

    def wait(self, document: str | Document, timeout: float | None = 300.0) -> Document:
        """The document when its inspection has ended, well or badly; see `state` and `verdict`.

        Handed a document from `upload`, it also checks that the service read what was sent. Raises
        WaitTimeout after `timeout` seconds (None: never), DigestMismatch, other UploadsErrors.
        """
        known = document.id if isinstance(document, Document) else document
        sent = document.sent_sha256 if isinstance(document, Document) else None
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _POLL_SECONDS if end is None else max(0.0, end - time.monotonic())
            asked_at, seconds = time.monotonic(), min(_POLL_SECONDS, int(left))
            found = self._get(known, seconds)
            if found.settled:
                return with_digest(found, sent)
            if end is not None and time.monotonic() >= end:
                raise WaitTimeout(f"{known} is still {found.state} after {timeout:g} seconds.")
            if time.monotonic() - asked_at < _PAUSE_SECONDS:
                # Where too many wait already, the answer comes at once.
                time.sleep(_PAUSE_SECONDS)

    def list(
        self,
        *,
        state: str | Sequence[str] = (),
        type: str | None = None,
        q: str | None = None,
        page_size: int = 100,
    ) -> Iterator[Document]:
        """All of the caller's documents, newest first; deleted and expired ones only by `state`."""
        asked: dict[str, Any] = {"limit": page_size}
        asked |= {"state": [state] if isinstance(state, str) else tuple(state)}
        asked |= {name: value for name, value in (("type", type), ("q", q)) if value is not None}
        return map(answers.document, self._pages("/documents", asked))

    def delete(self, document_id: str) -> None:
        """Delete a document; quiet where that was done before. Raises UploadsError."""
        self._wire.call("DELETE", f"/documents/{_id(document_id)}")

    def download(
        self,
        document_id: str,
        to: str | os.PathLike[str] | BinaryIO,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Document:
        """Write the bytes of a clean document to a file, into a folder, or to a binary stream.

        A file appears whole and with the right SHA-256, or not at all. Told to `overwrite`, it
        replaces a regular file, writes into a device or a pipe, and refuses anything else. Raises
        NotClean, NotFound, DigestMismatch, other UploadsErrors, and OSError, FileExistsError among
        them.
        """
        document = self._get(document_id)
        if isinstance(to, str | os.PathLike):
            path = downloads.destination(to, document)
            downloads.to_path(self._wire, document, path, overwrite, progress)
        else:
            downloads.to_stream(self._wire, document, to, progress)
        return document

    # --- links ---

    def create_link(
        self,
        documents: Sequence[str],
        *,
        disposition: Disposition = "attachment",
        expires_in: int | None = None,
        max_downloads: int | None = None,
        password: str | None = None,
    ) -> Link:
        """A link to documents; `expires_in` seconds, else until it is revoked.

        Browsers save what is an `attachment`, and show what is `inline`: one picture, plain text,
        sound or film that is clean. Raises UploadsError, also for others that shall be `inline`.
        """
        wanted = {
            "disposition": disposition,
            "expires_in": expires_in,
            "max_downloads": max_downloads,
            "password": password,
        }
        asked: dict[str, Any] = {"documents": [*documents]}
        asked |= {name: value for name, value in wanted.items() if value is not None}
        answer = self._wire.call("POST", "/links", headers=fresh_key(), json=asked)
        return answers.link(members_of(answer))

    def links(self, document_id: str | None = None) -> Iterator[Link]:
        """The caller's links that were not ended, or those of one document, newest first."""
        of = "" if document_id is None else f"/documents/{_id(document_id)}"
        return map(answers.link, self._pages(f"{of}/links", {"limit": 100}))

    def revoke_link(self, link_id: str) -> None:
        """End a link at once. Raises UploadsError."""
        self._wire.call("DELETE", f"/links/{_id(link_id)}")

    def _get(self, document_id: str, wait: int = 0) -> Document:
        patience = httpx.Timeout(self._timeout + wait, connect=min(self._timeout, 10.0))
        path, params = f"/documents/{_id(document_id)}", {"wait": wait} if wait else {}
        answer = self._wire.call("GET", path, params=params, timeout=patience)
        return answers.document(members_of(answer))

    def _pages(self, path: str, asked: dict[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            params = asked if cursor is None else {**asked, "cursor": cursor}
            items, cursor = answers.page(members_of(self._wire.call("GET", path, params=params)))
            yield from items
            if cursor is None:
                return


def _id(text: str) -> str:
    """An id that is safe in a path. Raises ValueError."""
    if not answers.ID.fullmatch(text):
        raise ValueError(f"Not an id: {text!r}.")
    return text
