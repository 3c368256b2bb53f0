"""Files under an Idempotency-Key: who sends one again gets the document that it has become.

What tells files under a key apart is their name, declared type, size and digest, and so is known
only when the body was read. So the key is begun before the body, without a fingerprint; who comes
with it meanwhile is told so before his body is read. The answer is entered in the transaction that
makes the document, and withdrawn in the one that takes it back: one is never without the other,
whatever is killed when.

What comes again is read once and digested, and nothing of it is stored. It is refused as soon as
it cannot be the same: by what is said of it, or with the first byte too many.

A refusal is not kept: it is mostly spoken before the whole body was read, so nobody could tell
whether another one is the same, and nothing was made that could be made twice. The key is free
again, and the right file may come under it.

Crash window: a process that dies before the commit leaves a key that nobody renews, which may be
begun anew after a while. One that was only slow cannot commit then: of two, one makes a document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from flask import Response, json

from uploads import clock, idempotency
from uploads.documents.errors import (
    DigestMismatch,
    IdempotencyMismatch,
    StillRunning,
    Unavailable,
)
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Document
from uploads.idempotency import is_keyed, keyed
from uploads.records.answering import Answer, Asked
from uploads.records.protocol import Work
from uploads.security.principals import services

Read = Callable[[], tuple[Offer, Iterator[bytes]]]

# How often a file that is on its way says so.
_RENEWED = timedelta(seconds=10)
# How much longer than that and than a client's silence nothing is heard of one that is alive.
_SLACK = timedelta(seconds=20)
_ASK_AGAIN_SECONDS = 5
_log = structlog.get_logger(__name__)


def accept_once(
    actor: Actor, key: str, read: Read, render: Callable[[Document], Response]
) -> Response:
    """Take the file that `read` opens, unless it was taken under this key; answer as then.

    Raises Malformed, StillRunning, IdempotencyMismatch, and what `Intake.accept` raises.
    """
    asked, now = idempotency.asked(actor, key), clock.now()
    dead = now - _RENEWED - timedelta(seconds=services().settings.body_seconds) - _SLACK
    earlier = services().records.write(lambda work: work.answers.begin(asked, now, dead))
    if earlier is None:
        return _Receipt(asked, now, render).accept(actor, read)
    if earlier.answer is None:
        raise StillRunning(_ASK_AGAIN_SECONDS)
    _check_same(earlier.fingerprint, *read())
    return idempotency.again(earlier.answer)


class _Receipt:
    """`documents.receiving.Receipt`: the answer under a key that this request has begun `at`."""

    def __init__(self, asked: Asked, at: datetime, render: Callable[[Document], Response]) -> None:
        self._asked = asked
        self._at = at
        self._render = render
        self._claims = ""
        self._response: Response | None = None
        self._answer: Answer | None = None

    def accept(self, actor: Actor, read: Read) -> Response:
        """Take the file in, or let the key go."""
        try:
            offer, pieces = read()
            self._claims = keyed(_claims(offer))
            services().intake.accept(actor, offer, self._renewing(pieces), self)
            assert self._response is not None
            return self._response
        except BaseException:
            self._let_go()
            raise

    def make_out(self, document: Document) -> None:
        """The answer is made here once: the first one and all others are the same."""
        digest = keyed(str(document.sha256).encode())
        fingerprint = f"{document.size}:{self._claims}:{digest}"
        self._asked = replace(self._asked, fingerprint=fingerprint)
        self._response = self._render(document)
        self._answer = idempotency.kept(self._response)

    def enter(self, work: Work) -> None:
        assert self._answer is not None
        if not work.answers.keep(self._asked, self._at, self._answer):
            raise StillRunning(_ASK_AGAIN_SECONDS)

    def withdraw(self, work: Work) -> None:
        work.answers.withdraw(self._asked, self._at)

    def _renewing(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass pieces on. Raises StillRunning when the key was given to somebody else."""
        for piece in pieces:
            now = clock.now()
            if now - self._at >= _RENEWED:
                self._renew(now)
            yield piece
            del piece  # nobody keeps a piece while waiting for the next

    def _renew(self, now: datetime) -> None:
        if not services().records.write(
            lambda work: work.answers.renew(self._asked, self._at, now)
        ):
            raise StillRunning(_ASK_AGAIN_SECONDS)
        self._at = now

    def _let_go(self) -> None:
        """Quiet where the document stands all the same, or the key went with it."""
        try:
            services().records.write(lambda work: work.answers.forget(self._asked, self._at))
        except Unavailable as error:
            _log.warning("key_not_let_go", cause=error.cause)


def _claims(offer: Offer) -> bytes:
    return json.dumps([offer.untrusted_name, offer.declared_type]).encode()


def _check_same(fingerprint: str, offer: Offer, pieces: Iterator[bytes]) -> None:
    """Raises IdempotencyMismatch unless this is the file of before, read whole.

    And DigestMismatch where the client itself says that it is not what it sent.
    """
    size, claims, digest = fingerprint.split(":")
    promised = offer.expected_sha256
    if not is_keyed(claims, _claims(offer)) or offer.declared_size not in {None, int(size)}:
        raise IdempotencyMismatch
    if promised is not None and not is_keyed(digest, promised.encode()):
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
    if not is_keyed(digest, found.hexdigest().encode()):
        raise IdempotencyMismatch
