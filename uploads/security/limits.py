"""How often: Flask-Limiter on Redis, shared by all processes, keyed by user before address.

Without Redis each process counts for itself with the same limits: weaker, never unlimited. The
answers carry RateLimit and RateLimit-Policy (IETF httpapi ratelimit-headers, structured fields).
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address
from typing import Any

import structlog
from flask import Flask, Response, current_app, request
from flask_limiter import Limiter, RequestLimit
from flask_limiter.constants import ConfigVars
from limits import parse_many

from uploads.config import Settings
from uploads.security.credentials import normal_email
from uploads.security.hosts import OPERATIONS
from uploads.security.principals import current_actor

_STORE_SECONDS = 1  # how long a request may wait for Redis, to connect and for each answer
_ACCOUNT_FACTOR = 10
_log = structlog.get_logger(__name__)


def caller() -> str:
    """Whose budget this request spends: the user's when known, else the address's."""
    actor = current_actor()
    return f"user:{actor.user_id}" if actor else address()


def address() -> str:
    """The client's address; of IPv6 the /64, which is what one customer has.

    An IPv4 client of a dual-stack socket (RFC 4291 section 2.5.5.2) counts as the IPv4 client.
    """
    raw = request.remote_addr or "local"
    try:
        found = ip_address(raw)
    except ValueError:
        return f"addr:{raw}"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"addr6:{int(found) >> 64:x}"
        found = found.ipv4_mapped
    return f"addr:{found}"


def make_limiter(app: Flask, settings: Settings) -> Limiter:
    """Bind a limiter to the app, counting in Redis and, without it, in the process."""
    app.config[ConfigVars.HEADERS_ENABLED] = False
    url = settings.redis_url
    return Limiter(
        caller,
        app=app,
        default_limits=[settings.rate_default],
        storage_uri="redis+" + url if url.startswith("unix://") else url,
        storage_options={
            "socket_connect_timeout": _STORE_SECONDS,
            "socket_timeout": _STORE_SECONDS,
        },
        strategy="moving-window",
        in_memory_fallback_enabled=True,
        key_prefix="uploads",
    )


def add_rate_headers(limiter: Limiter, response: Response) -> Response:
    """Tell the caller what is left of the narrowest limit that was counted for it.

    Never raises: the figures are asked of Redis after the work is done and committed, and an
    answer without them is better than none.
    """
    current = limiter.current_limit
    if current is None:
        return response
    try:
        _describe(current, response)
    except Exception as error:  # noqa: BLE001 -- whatever the store's client can raise
        _log.warning("rate_headers_left_out", cause=type(error).__name__)
    return response


def _describe(current: RequestLimit, response: Response) -> None:
    reset = _seconds_left(current)
    remaining = max(0, current.remaining)
    amount, window = current.limit.amount, current.limit.get_expiry()
    response.headers["RateLimit-Policy"] = f'"default";q={amount};w={window}'
    response.headers["RateLimit"] = f'"default";r={remaining};t={reset}'
    if response.status_code == 429:
        response.headers["Retry-After"] = str(max(1, reset))


def seconds_to_wait() -> int | None:
    """How long the caller has to wait for the limit that it passed; None where nobody can tell."""
    limiter: Limiter = current_app.extensions["uploads.limiter"]
    current = limiter.current_limit
    try:
        return max(1, _seconds_left(current)) if current else None
    except Exception as error:  # noqa: BLE001 -- as above
        _log.warning("wait_left_out", cause=type(error).__name__)
        return None


def _seconds_left(limit: RequestLimit) -> int:
    # Flask-Limiter rounds up by a second, and never is there more to wait than the whole window.
    left = math.ceil(limit.reset_at - time.time())
    return max(0, min(left, limit.limit.get_expiry()))


def apply(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Give each kind of route its limit; static files and the operator's probes have none."""
    views: dict[str, Any] = app.view_functions
    # Asking has the rate of uploading and a budget of its own: who asks first may still upload.
    for endpoint in ("api.upload", "web.check", "web.upload"):
        views[endpoint] = limiter.limit(settings.rate_upload)(views[endpoint])
    views["web.sign_in"] = _limit_sign_in(limiter, settings.rate_sign_in, views["web.sign_in"])
    for endpoint, view in views.items():
        if endpoint == "static" or endpoint.startswith(OPERATIONS + "."):
            limiter.exempt(view)


def _limit_sign_in(limiter: Limiter, rate: str, view: Any) -> Any:
    """Bound guesses from one place, and far more loosely those from everywhere at one account.

    They are spent before the password is checked. A narrow limit on the account would let any
    stranger who knows its e-mail keep its owner out; the address's bounds each pair of account and
    address as well. It stands nearest to the view and is spent first: what it refuses is not
    counted against the account.
    """
    account = limiter.limit(_times(rate, _ACCOUNT_FACTOR), key_func=_account, methods=["POST"])
    place = limiter.limit(rate, key_func=address, methods=["POST"])
    return account(place(view))


def _times(rate: str, factor: int) -> str:
    """The same rate with its amount multiplied: 10/minute → 100 per 1 minute."""
    return ";".join(
        f"{one.amount * factor} per {one.multiples} {one.GRANULARITY.name}"
        for one in parse_many(rate)
    )


def _account() -> str:
    """The account that is asked for, or the address when that cannot be told.

    Never raises: Flask-Limiter would take any exception of a key for the end of its store.
    """
    try:
        return "account:" + normal_email(request.form.get("email", ""))
    except Exception:  # noqa: BLE001 -- too large, garbled, cut off: the view meets it again
        return address()
