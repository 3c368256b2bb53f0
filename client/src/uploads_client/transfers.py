"""The ways of a file to the service: streamed through it, or put into the store by signed URLs.

Each is a `Transfer`. One that can be resumed after a restart would be a third, chosen in
`client.py` like these two.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from uploads_client import answers
from uploads_client.answers import Document, Grant
from uploads_client.crew import within
from uploads_client.errors import DigestMismatch, NotReachable, UploadsError
from uploads_client.parts import Parts
from uploads_client.sources import Body, Meter, Seekable, Source
from uploads_client.wire import Wire, fresh_key, members_of

# How often parts are sent that the store, at completion, turns out not to have.
ROUNDS = 3
_AWAY = 503
_MAY_NOT_READ = 403
HASTE_SECONDS = 2.0
# What is hashed in a moment is not worth a question before.
_READ_AT_ONCE = 64 * 1024 * 1024
# Amazon S3, PutObject.
_LARGEST_PUT = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that is to be sent, and what is said of it."""

    source: Source
    name: str
    type: str | None
    meter: Meter
    reading: Meter


class Transfer(Protocol):
    """One way to send a file. Whatever fails leaves nothing behind that it can take away."""

    def send(self, offer: Offer) -> Document:
        """The document that the file became; `sent_sha256` is set. Raises UploadsError."""
        ...


class Streamed:
    """One POST with the file as its body."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, offer: Offer) -> Document:
        """Sent again under its key, wherever the connection broke: it becomes one document.

        A source that cannot be read twice is tried again only while nothing of it is gone.
        """
        source = offer.source
        headers = fresh_key()
        if offer.type:
            headers["Content-Type"] = offer.type
        again = isinstance(source, Seekable)
        promised: str | None = None
        if isinstance(source, Seekable):
            promised = _promised(self._wire, offer, source)
            digest = base64.b64encode(bytes.fromhex(promised)).decode()
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
            headers["Content-Length"] = str(source.size)
            body = Body(lambda: source.pieces(0, source.size), offer.meter)
        else:
            body = Body(source.pieces, offer.meter)
        answer = self._wire.call(
            "POST",
            "/documents",
            params={"name": offer.name},
            headers=headers,
            body=body,
            may_repeat=lambda error: again or not body.handed_out,
        )
        document = answers.document(members_of(answer))
        return checked(self._wire, document, promised or source.digest())


def _promised(wire: Wire, offer: Offer, source: Seekable) -> str:
    """The SHA-256 to promise, read before anything is sent. Raises UploadsError.

    Of a large file that takes minutes: one that would be refused for its size is not begun.
    """
    if source.size > _READ_AT_ONCE:
        _check_size(wire, offer.name, source.size)
    return source.digest(read=offer.reading.add)


def _check_size(wire: Wire, name: str, size: int) -> None:
    try:
        limit = answers.limit(members_of(wire.call("GET", "/policy")), name)
    except UploadsError as error:
        if error.status != _MAY_NOT_READ:
            raise
        # A key that may only upload: the service says it when it is offered the file.
        return
    if size > limit:
        raise UploadsError(
            f"The file has {size:,} bytes, and {limit:,} are the most that is accepted of its type."
            " Make it smaller or split it.",
            code="file-too-large",
            members={"limit": limit},
        )


def abort(wire: Wire, grant: Grant) -> None:
    """Give a grant back, quietly; what became a document meanwhile stays (409)."""
    with suppress(UploadsError):
        wire.call("DELETE", f"/uploads/{grant.id}", may_repeat=_answered)


def _answered(error: UploadsError) -> bool:
    # Nobody waits for a service that is away, only to tidy up: it does so itself in a day.
    return not isinstance(error, NotReachable)


def checked(wire: Wire, document: Document, sent: str) -> Document:
    """The document with our digest beside it. Raises DigestMismatch, having deleted it."""
    if document.sha256 not in {None, sent}:
        with suppress(UploadsError):
            wire.call("DELETE", f"/documents/{document.id}")
        raise DigestMismatch(
            f"The service read other bytes than were sent ({document.sha256} instead of {sent})."
            " The document was deleted. Send the file again."
        )
    return with_digest(document, sent)


def with_digest(document: Document, sent: str | None) -> Document:
    """The same with what was sent. Raises DigestMismatch where the service read other bytes."""
    if sent is not None and document.sha256 not in {None, sent}:
        raise DigestMismatch(
            f"{document.id} has the digest {document.sha256}, and {sent} was sent. Delete it, and"
            " send the file again."
        )
    return replace(document, sent_sha256=sent)


class Granted:
    """Signed PUTs into the store: one, or one for each part, `workers` of them at a time."""

    def __init__(self, wire: Wire, method: str, workers: int) -> None:
        self._wire, self._method, self._workers = wire, method, workers

    def send(self, offer: Offer) -> Document:
        """Everything here can be sent again: keys make the calls safe, and parts just overwrite.

        A service that signs no URLs at present (503) is sent the file through itself: nothing of it
        is gone yet. Raises ValueError for a source that cannot be read twice, and for one that no
        single PUT can carry.
        """
        source = offer.source
        if not isinstance(source, Seekable):
            raise ValueError("Signed URLs need a file that can be read twice. Use 'stream'.")
        single = self._method == "put"
        if single and source.size > _LARGEST_PUT:
            raise ValueError("One PUT carries at most 5 GiB. Use 'multipart'.")
        # One PUT may have its checksum signed. Parts may not: they are sent while it is made.
        sent = _promised(self._wire, offer, source) if single else None
        try:
            grant = self._open(offer, source.size, sent)
        except UploadsError as error:
            if error.status != _AWAY:
                raise
            return Streamed(self._wire).send(offer)
        try:
            parts = Parts(self._wire, grant, source, offer.meter, self._workers)
            if sent is None:
                sent = parts.send_and_digest()
            else:
                parts.send(range(1, grant.part_count + 1))
            return checked(self._wire, self._complete(grant, parts, sent), sent)
        except Exception:
            abort(self._wire, grant)
            raise
        except BaseException:
            # Whoever is stopped does not wait for a service that is slow.
            within(HASTE_SECONDS, partial(abort, self._wire, grant))
            raise

    def _open(self, offer: Offer, size: int, digest: str | None) -> Grant:
        asked = {"name": offer.name, "size": size, "method": self._method}
        if digest is not None:
            asked["sha256"] = digest
        if offer.type is not None:
            asked["type"] = offer.type
        key = fresh_key()

        def ask() -> Grant:
            answer = self._wire.call("POST", "/uploads", headers=key, json=asked)
            return answers.grant(members_of(answer), size)

        try:
            return ask()
        except Exception:
            raise
        except BaseException:
            # Whether there is a grant already is not known: the same call, under its key, tells.
            within(HASTE_SECONDS, lambda: abort(self._wire, ask()))
            raise

    def _complete(self, grant: Grant, parts: Parts, digest: str) -> Document:
        """Its document. Parts that the store does not have after all are sent once more."""
        promise = {"sha256": digest}
        for round_ in range(ROUNDS):
            # A new key each round: the answer to the last one was kept.
            key = fresh_key()
            try:
                path = f"/uploads/{grant.id}/complete"
                answer = self._wire.call("POST", path, headers=key, json=promise)
                return answers.document(members_of(answer))
            except UploadsError as error:
                if error.code != "incomplete" or round_ == ROUNDS - 1:
                    raise
                missing = answers.missing(error.members, grant.part_count)
                if not missing:
                    raise
            parts.send(missing)
        raise AssertionError("a round returns or raises")
