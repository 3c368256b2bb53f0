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
from typing import Protocol

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
from uploads.documents.intake import Intake, Offer, Received
from uploads.documents.model import Actor, Document
from uploads.holds import ASK_AGAIN_SECONDS, RENEWED, Hold, watch
from uploads.idempotency import is_keyed
from uploads.records.answering import Answer, Asked
from uploads.records.protocol import Work
from uploads.security.principals import services

Read = Callable[[], tuple[Offer, Iterator[bytes]]]

# How much longer than that and than a client's silence nothing is heard of one that is alive.
_SLACK = timedelta(seconds=20)
_log = structlog.get_logger(__name__)


class Begun(Protocol):
    """A file under a key that was read to its end; one of `commit` and `give_up` must follow.

    `sha256` is the digest of what was read, lowercase hex.
    """

    @property
    def sha256(self) -> str: ...

    def commit(self) -> Response:
        """Record it, or answer as before. Raises StillRunning, and what `Intake.commit` raises."""

    def give_up(self, error: BaseException) -> None:
        """Keep nothing, for this reason."""

    def say_alive(self) -> None:
        """To be called while it waits for others. Raises StillRunning."""


def accept_once(
    actor: Actor, key: str, read: Read, render: Callable[[Document], Response]
) -> Response:
    """Take the file that `read` opens, unless it was taken under this key; answer as then.

    Raises Malformed, StillRunning, IdempotencyMismatch, and what `Intake.accept` raises.
    """
    return receive_once(idempotency.asked(actor, key), actor, read, render).commit()


def receive_once(
    asked: Asked, actor: Actor, read: Read, render: Callable[[Document], Response]
) -> Begun:
    """The first half of `accept_once`: read the file. Raises what that raises."""
    ours = services()
    earlier = ours.records.glance(lambda work: work.answers.find(asked))
    if earlier is None or earlier.answer is None:
        patience = RENEWED + timedelta(seconds=ours.settings.body_seconds) + _SLACK
        hold = Hold(ours.records, asked, clock.now(), patience)
        if earlier is not None:
            hold.begin()  # in the place of one that died, if it did
        receipt = _Receipt(ours.intake, hold, render)
        receipt.receive(actor, read)
        return receipt
    return _Earlier(earlier.answer, _check_same(earlier.fingerprint, *read()))


class _Earlier:
    """A file that was taken before."""

    def __init__(self, answer: Answer, sha256: str) -> None:
        self._answer = answer
        self.sha256 = sha256

    def commit(self) -> Response:
        return idempotency.again(self._answer)

    def give_up(self, error: BaseException) -> None:
        del error

    def say_alive(self) -> None:
        return


class _Receipt:
    """`documents.receiving.Receipt`: the answer under the key that is held."""

    def __init__(self, intake: Intake, hold: Hold, render: Callable[[Document], Response]) -> None:
        self._intake = intake
        self._hold = hold
        self._render = render
        self._claims = ""
        self._fingerprint = ""
        self._received: Received | None = None
        self._response: Response | None = None
        self._answer: Answer | None = None
        self.say_alive = hold.say_alive

    def receive(self, actor: Actor, read: Read) -> None:
        """Read the file, or let the key go."""
        watch.add(self._hold)
        try:
            offer, pieces = read()
            self._claims = _claims(offer)
            self._received = self._intake.receive(actor, offer, self._saying_so(pieces), self)
        except BaseException as error:
            self._end(error)
            raise

    @property
    def sha256(self) -> str:
        assert self._received is not None
        return self._received.receiver.sha256

    def commit(self) -> Response:
        """Record it, or let the key go."""
        assert self._received is not None
        try:
            self._intake.commit(self._received)
        except BaseException as error:
            self._end(error)
            raise
        assert self._response is not None
        self._hold.over = True
        return self._response

    def give_up(self, error: BaseException) -> None:
        assert self._received is not None
        self._intake.give_up(self._received, error)
        self._let_go()

    def _end(self, error: BaseException) -> None:
        """Let the key go. Raises StillRunning where the error tells only that it is another's."""
        self._let_go()
        # There was no room for it where it is here already, sent twice in the same moment.
        if isinstance(error, QuotaExceeded) and self._hold.is_anothers():
            raise StillRunning(ASK_AGAIN_SECONDS) from error

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


def _check_same(fingerprint: str, offer: Offer, pieces: Iterator[bytes]) -> str:
    """The digest of what came. Raises IdempotencyMismatch unless it is the file of before, whole.

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
    return found.hexdigest()


def _is_digest(kept: str, sha256: str) -> bool:
    return kept == sha256 or is_keyed(kept, sha256.encode())


def _as_before(offer: Offer) -> bytes:
    """As an earlier version kept it, under a keyed digest: its answers are asked for for a day."""
    return json.dumps([offer.untrusted_name, offer.declared_type]).encode()
