"""The device cookie: a browser in which somebody signed in before is counted apart from strangers.

Guesses from everywhere at one account must end at some point, and that would keep its owner out as
well. So a browser that has signed in to an account has a budget of its own there (OWASP, *Slow down
online guessing attacks with device cookies*). The cookie opens nothing and names nobody: it is
random, and signed together with the account and its password. It outlives the session, but no
change of the password: what a thief of either took along is worth nothing after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from flask import Request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from uploads import clock
from uploads.config import Settings
from uploads.documents.model import User
from uploads.security.tokens import serializer

_SECONDS = 180 * 86400


def cookie_name(settings: Settings) -> str:
    """As the session's: bound to this host and TLS where there is TLS."""
    return "__Host-device" if settings.https else "device"


def known(
    settings: Settings, request: Request, email: str, find: Callable[[str], User]
) -> str | None:
    """This browser's own number, if somebody signed in to the account of this address in it.

    `find` looks the account up, for a browser that is about to be known alone: the password must be
    the same since, and the user not locked out.
    """
    try:
        signed = request.cookies.get(cookie_name(settings), "")
        number, account, password = _serializer(settings).loads(signed, max_age=_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    if account != _digest(number, email):
        return None
    user = find(email)
    same = password == _digest(number, user.password_hash)
    return number if same and user.disabled_at is None else None


def set_cookie(settings: Settings, response: Response, user: User) -> None:
    """Let the browser be known from now on, as one in which this user has signed in."""
    number = clock.new_id()
    said = [number, _digest(number, user.email), _digest(number, user.password_hash)]
    response.set_cookie(
        cookie_name(settings),
        str(_serializer(settings).dumps(said)),
        max_age=_SECONDS,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="Lax",
    )


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    secret = settings.secret_key.get_secret_value()
    return serializer(secret, settings.earlier_secret_keys, "uploads.device")


def _digest(number: str, said: str) -> str:
    return hashlib.sha256(f"{number} {said}".encode()).hexdigest()[:32]
