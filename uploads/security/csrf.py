"""CSRF: an unsafe request that rides on a cookie must prove that our own page sent it.

The token is an HMAC over the session cookie (or, before sign-in, over a random cookie), so it
needs no storage and dies with the session. It comes in `X-CSRF-Token`, or as the first field of
a form. Flask-WTF is not used: its hook reads `request.form`, and Werkzeug would spool an upload.
Besides, Origin and Sec-Fetch-Site must not name another site (OWASP CSRF cheat sheet).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from flask import Response, g, request

from uploads.documents.errors import CsrfRefused
from uploads.security import sessions
from uploads.security.principals import current_actor, services

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token() -> str:
    """The token for this browser's forms."""
    return _mac(services().settings.secret_key.get_secret_value(), _binding())


def check_header() -> None:
    """Refuse an unsafe request of a session without the token in its header.

    Requests with an API key carry no ambient authority and need none.
    """
    actor = current_actor()
    if (actor is not None and actor.via == "key") or request.method in _SAFE:
        return
    check(request.headers.get(HEADER))


def check_form() -> None:
    """Refuse an unsafe form without the token in its header or its first field."""
    check(request.headers.get(HEADER) or request.form.get(FIELD))


def check(given: str | None) -> None:
    """Raises CsrfRefused unless `given` is this browser's token and the request is our page's."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != services().settings.public_url:
        raise CsrfRefused
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise CsrfRefused
    binding = _cookie()
    settings = services().settings
    keys = settings.secret_key.get_secret_value(), *settings.earlier_secret_keys
    if not given or not binding:
        raise CsrfRefused
    if not any(hmac.compare_digest(given.encode(), _mac(key, binding).encode()) for key in keys):
        raise CsrfRefused


def remember(kept: Any, response: Response) -> None:
    """Give a signed-out browser that was shown a form the cookie its token is bound to.

    `kept` is what Flask's `g` stands for.
    """
    fresh: str | None = kept.get("csrf_seed")
    if fresh is not None:
        settings = services().settings
        response.set_cookie(
            _seed_name(), fresh, path="/", secure=settings.https, httponly=True, samesite="Lax"
        )


def _seed_name() -> str:
    return "__Host-csrf" if services().settings.https else "csrf"


def _cookie() -> str | None:
    if current_actor() is not None:
        return sessions.read_cookie(services().settings, request)
    return request.cookies.get(_seed_name())


def _binding() -> str:
    found = _cookie() or g.get("csrf_seed")
    if not found:
        found = g.csrf_seed = secrets.token_urlsafe(32)
    return str(found)


def _mac(key: str, binding: str) -> str:
    return hmac.new(key.encode(), b"uploads.csrf\0" + binding.encode(), hashlib.sha256).hexdigest()
