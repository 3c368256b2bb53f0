"""Idempotency-Key: a request that is sent again under its key gets the answer it got before.

The one place for it, but for files (`receipts.py`), which no view reads beforehand. What a view
that is `idempotent` wants done is done at most once for a caller, a route and a key within a day;
what counts as the same request is its path and its body. The header is that of
draft-ietf-httpapi-idempotency-key-header; any visible ASCII is taken as it is.

The view hands over what is to be done and how it is told of (`Once`), and the answer is committed
in the transaction that does it: one is never without the other, whatever is killed when.

An answer that shows a secret once is kept without it: whoever asks again learns that the thing was
made, and `null` in the place of what only the first answer could tell.

Crash window: a refusal is kept in a commit of its own, for it has made nothing. Whoever dies before
it leaves a claim (`claims.py`), and the request is judged anew.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from flask import Response, current_app, json

from uploads import clock
from uploads.bodies import whole
from uploads.claims import Claim, ClaimLost
from uploads.documents.errors import (
    IdempotencyMismatch,
    Malformed,
    StillRunning,
    UploadsError,
)
from uploads.documents.model import Actor
from uploads.documents.receipts import Keep, keep_nothing
from uploads.errors import is_ours, render
from uploads.faults import step
from uploads.records.answering import Answer, Asked
from uploads.records.protocol import Work
from uploads.security.csrf import check_header
from uploads.security.principals import current_actor, present, services

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_IN_ENVIRON = "HTTP_IDEMPOTENCY_KEY"
_REPEATABLE = "uploads_repeatable"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
T = TypeVar("T")
V = TypeVar("V", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Veil:
    """Takes a lasting secret out of an answer before it is kept, and puts it in again."""

    hide: Callable[[str], str]
    show: Callable[[str], str]


_NO_VEIL = Veil(lambda body: body, lambda body: body)


def without(*secrets: str) -> Veil:
    """A veil over members that are shown once and kept by nobody: told again, they are null."""

    def hide(body: str) -> str:
        members = json.loads(body)
        return json.dumps({name: None if name in secrets else members[name] for name in members})

    return Veil(hide, lambda body: body)


@dataclass(frozen=True, slots=True)
class Once(Generic[T]):
    """What a view wants done: `act` does it and returns what was made, `render` tells of that.

    `act` is handed what must be called in the transaction that makes it. Renders may come out of
    that transaction, so they ask nobody else.
    """

    act: Callable[[Keep[T]], T]
    render: Callable[[T], Response]


def idempotent(
    view: Callable[..., Once[Any]] | None = None, *, veil: Veil = _NO_VEIL
) -> Callable[..., Any]:
    """Make a view answer the same request under the same key once and for all of a day.

    Without the header, and for nobody, it is done each time. Answers of 5xx and 429 are not kept.
    Raises Malformed, IdempotencyMismatch and StillRunning.
    """
    if view is None:
        return partial(idempotent, veil=veil)

    @wraps(view)
    def once(**arguments: Any) -> Response:
        asks = present()
        key = asks.environ.get(_IN_ENVIRON)
        if key is None or (actor := current_actor()) is None:
            wanted = view(**arguments)
            return wanted.render(wanted.act(keep_nothing))
        check_header()
        known = asked(actor, key)
        body = asks.full_path.encode(), whole(asks)
        return _once(known, body, lambda: view(**arguments), veil)

    once.__dict__[_REPEATABLE] = True
    return once


def each_once(actor: Actor, key: str, place: int, said: bytes, wanted: Once[Any]) -> Response:
    """Do one of several things that the present request asks for under its key, once for a day.

    Each has an answer of its own, by its `place`; `said` is what the request says of it. Raises
    IdempotencyMismatch, StillRunning, and Unavailable.
    """
    known = asked_in_place(actor, key, place)
    return _once(known, (present().full_path.encode(), said), lambda: wanted, _NO_VEIL)


def repeats_itself(view: V) -> V:
    """Mark a view that sees to the key by itself, for those who describe it."""
    view.__dict__[_REPEATABLE] = True
    return view


def repeatable(view: Callable[..., Any]) -> bool:
    """Whether a view is `idempotent`, or sees to it itself."""
    return _REPEATABLE in view.__dict__


def check_key(key: str) -> None:
    """Raises Malformed for what can be no key."""
    if not _KEY.fullmatch(key):
        raise Malformed(f"{HEADER} must be 1 to 255 visible ASCII characters.")


def asked(actor: Actor, key: str) -> Asked:
    """The present request under its key, without a fingerprint. Raises Malformed."""
    check_key(key)
    # One key of a caller may do what another may not: they are not one caller.
    caller = f"{actor.user_id}/{actor.credential_id or actor.via}"
    return Asked(caller, present().endpoint or "", key, "")


def asked_in_place(actor: Actor, key: str, place: int) -> Asked:
    """One of several things that the present request asks for under its key."""
    # Of one length, whatever the client's is.
    return asked(actor, f"{hashlib.sha256(key.encode()).hexdigest()}#{place}")


def keyed(*parts: bytes) -> str:
    """A digest of these parts that only we can make, lowercase hex.

    A body can hold a password, which a plain digest would let everybody try who reads it.
    """
    return _digest(services().settings.secret_key.get_secret_value(), *parts)


def is_keyed(digest: str, *parts: bytes) -> bool:
    """Whether this is the digest of these parts, under the present secret or an earlier one."""
    settings = services().settings
    secrets = settings.secret_key.get_secret_value(), *settings.earlier_secret_keys
    return any(_digest(secret, *parts) == digest for secret in secrets)


def _digest(secret: str, *parts: bytes) -> str:
    said = b"uploads.idempotency\0" + b"".join(len(part).to_bytes(8) + part for part in parts)
    return hmac.digest(secret.encode(), said, hashlib.sha256).hex()


def _once(
    known: Asked, body: tuple[bytes, ...], view: Callable[[], Once[Any]], veil: Veil
) -> Response:
    claim = Claim(services().records, known._replace(fingerprint=keyed(*body)), clock.now())
    earlier = claim.begin()
    if earlier is not None:
        if not is_keyed(earlier.fingerprint, *body):
            raise IdempotencyMismatch
        if earlier.answer is None:
            raise StillRunning
        return again(earlier.answer, veil)
    keeping, refusal = _Keeping(claim, veil), None
    try:
        response = _settled(lambda: keeping.do(view()))
        if not keeping.done and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            refusal = kept(response, veil)
        return response
    except ClaimLost as lost:
        raise StillRunning from lost
    finally:
        if keeping.done:
            claim.end()
        else:
            claim.end_with(refusal)


class _Keeping:
    """Keeps the answer in the transaction that makes what it tells of."""

    def __init__(self, claim: Claim, veil: Veil) -> None:
        self._claim = claim
        self._veil = veil
        # The transaction may run on another thread.
        self._context = copy_context()
        self._response: Response | None = None
        self.done = False
        """Whether the answer is committed for sure."""

    def do(self, wanted: Once[T]) -> Response:
        """Have it done. Raises AssertionError where the answer was not kept with it."""

        def keep(work: Work, made: T) -> None:
            response = self._context.run(wanted.render, made)
            self._claim.keep(work, kept(response, self._veil))
            self._response = response

        wanted.act(keep)
        if self._response is None:
            raise AssertionError("something was done without its answer")
        self.done = True
        step("k1")
        return self._response


def _settled(act: Callable[[], Response]) -> Response:
    """A refusal is an answer like any other; what is our own fault goes its usual way."""
    try:
        return act()
    except UploadsError as error:
        if is_ours(error):
            raise
        return render(error)


def kept(response: Response, veil: Veil = _NO_VEIL) -> Answer:
    """What of an answer is kept."""
    status, body = response.status_code, response.get_data(as_text=True)
    return Answer(
        status,
        response.content_type or "",
        body if _is_refusal(status) else veil.hide(body),
        response.headers.get("Location"),
    )


def again(answer: Answer, veil: Veil = _NO_VEIL) -> Response:
    """The kept answer, which says that it is one."""
    body = answer.body if _is_refusal(answer.status) else veil.show(answer.body)
    response = current_app.response_class(body, answer.status, content_type=answer.content_type)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    response.headers[REPLAYED] = "true"
    return response


def _is_refusal(status: int) -> bool:
    """A problem holds no secret, and is told again to the byte."""
    return status >= 400
