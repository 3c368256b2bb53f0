"""Files under an Idempotency-Key: who sends one again gets the document that it has become.

What tells files under a key apart is their name, declared type, size and digest, and so is known
only when the body was read. A file that is not here within a moment has its key begun meanwhile,
without a fingerprint (`holds.py`); who comes with it then is told so before his body is read. The
answer is entered in the transaction that makes the document, and withdrawn in the one that takes it
back: one is never without the other, whatever is killed when.

What comes again is read once and digested, and nothing of it is stored. It is refused as soon as
it cannot be the same: by what is said of it, or with the first byte too many.

A refusal is not kept: it is mostly spoken before the whole body was read, so nobody could tell
whether another one is the same, and nothing was made that could be made twice. The key is free
again, and the right file may come under it.

Crash window: a process that dies before the commit may leave a key that nobody renews, which may be
begun anew after a while. One that was only slow cannot commit then: of two, one makes a document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import structlog
from flask import Response, json

from uploads import clock, idempotency
from uploads.documents.errors import (
    DigestMismatch,
    IdempotencyMismatch,
    QuotaExceeded,
    StillRunning,
    Unavailable,
)
from uploads.documents.intake import Intake, Offer
from uploads.documents.model import Actor, Document
from uploads.holds import ASK_AGAIN_SECONDS, RENEWED, Hold, watch
from uploads.idempotency import is_keyed
from uploads.records.answering import Answer
from uploads.records.protocol import Work
from uploads.security.principals import services

Read = Callable[[], tuple[Offer, Iterator[bytes]]]

# How much longer than that and than a client's silence nothing is heard of one that is alive.
_SLACK = timedelta(seconds=20)
_log = structlog.get_logger(__name__)


def accept_once(
    actor: Actor, key: str, read: Read, render: Callable[[Document], Response]
) -> Response:
    """Take the file that `read` opens, unless it was taken under this key; answer as then.

    Raises Malformed, StillRunning, IdempotencyMismatch, and what `Intake.accept` raises.
    """
    asked, ours = idempotency.asked(actor, key), services()
    earlier = ours.records.glance(lambda work: work.answers.find(asked))
    if earlier is None or earlier.answer is None:
        patience = RENEWED + timedelta(seconds=ours.settings.body_seconds) + _SLACK
        hold = Hold(ours.records, asked, clock.now(), patience)
        if earlier is not None:
            hold.begin()  # in the place of one that died, if it did
        return _Receipt(hold, render).accept(ours.intake, actor, read)
    _check_same(earlier.fingerprint, *read())
    return idempotency.again(earlier.answer)


class _Receipt:
    """`documents.receiving.Receipt`: the answer under the key that is held."""

    def __init__(self, hold: Hold, render: Callable[[Document], Response]) -> None:
        self._hold = hold
        self._render = render
        self._claims = ""
        self._fingerprint = ""
        self._response: Response | None = None
        self._answer: Answer | None = None

    def accept(self, intake: Intake, actor: Actor, read: Read) -> Response:
        """Take the file in, or let the key go."""
        watch.add(self._hold)
        try:
            offer, pieces = read()
            self._claims = _claims(offer)
            intake.accept(actor, offer, self._saying_so(pieces), self)
            assert self._response is not None
            self._hold.over = True
            return self._response
        except BaseException as error:
            self._let_go()
            # There was no room for it where it is here already, sent twice in the same moment.
            if isinstance(error, QuotaExceeded) and self._hold.is_anothers():
                raise StillRunning(ASK_AGAIN_SECONDS) from error
            raise

    def make_out(self, document: Document) -> None:
        """The answer is made here once: the first one and all others are the same."""
        self._fingerprint = f"{document.size}:{self._claims}:{document.sha256}"
        self._response = self._render(document)
        self._answer = idempotency.kept(self._response)

    def enter(self, work: Work) -> None:
        assert self._answer is not None
        self._hold.enter(work, self._fingerprint, self._answer)

    def withdraw(self, work: Work) -> None:
        self._hold.withdraw(work)

    def _saying_so(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass pieces on. Raises StillRunning when the key was given to somebody else."""
        for piece in pieces:
            self._hold.say_alive()
            yield piece
            del piece  # nobody keeps a piece while waiting for the next

    def _let_go(self) -> None:
        """Quiet where the document stands all the same, or the key went with it."""
        try:
            self._hold.let_go()
        except Unavailable as error:
            _log.warning("key_not_let_go", cause=error.cause)


def _claims(offer: Offer) -> str:
    """A digest of what is said of the file. No secret: the kept answer tells name and type."""
    return hashlib.sha256(ascii((offer.untrusted_name, offer.declared_type)).encode()).hexdigest()


def _check_same(fingerprint: str, offer: Offer, pieces: Iterator[bytes]) -> None:
    """Raises IdempotencyMismatch unless this is the file of before, read whole.

    And DigestMismatch where the client itself says that it is not what it sent.
    """
    size, claims, digest = fingerprint.split(":")
    promised = offer.expected_sha256
    if claims != _claims(offer) and not is_keyed(claims, _as_before(offer)):
        raise IdempotencyMismatch
    if offer.declared_size not in {None, int(size)}:
        raise IdempotencyMismatch
    if promised is not None and not _is_digest(digest, promised):
        raise IdempotencyMismatch
    found, left = hashlib.sha256(), int(size)
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise IdempotencyMismatch
        found.update(piece)
        del piece  # nobody keeps a piece while waiting for the next
    if promised is not None and promised != found.hexdigest():
        raise DigestMismatch(promised, found.hexdigest())
    if not _is_digest(digest, found.hexdigest()):
        raise IdempotencyMismatch


def _is_digest(kept: str, sha256: str) -> bool:
    return kept == sha256 or is_keyed(kept, sha256.encode())


def _as_before(offer: Offer) -> bytes:
    """As an earlier version kept it, under a keyed digest: its answers are asked for for a day."""
    return json.dumps([offer.untrusted_name, offer.declared_type]).encode()
