"""How often: Flask-Limiter on Redis, shared by all processes, keyed by user before address.

Without Redis each process counts for itself with the same limits: weaker, never unlimited. The
answers carry RateLimit and RateLimit-Policy (IETF httpapi ratelimit-headers, structured fields).
"""

from __future__ import annotations

import math
import time
from ipaddress import ip_address
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.constants import ConfigVars

from uploads.config import Settings
from uploads.security.hosts import OPERATIONS
from uploads.security.principals import current_actor


def caller() -> str:
    """Whose budget this request spends: the user's when known, else the address's."""
    actor = current_actor()
    return f"user:{actor.user_id}" if actor else address()


def address() -> str:
    """The client's address; of IPv6 the /64, which is what one customer has."""
    raw = request.remote_addr or "local"
    try:
        found = ip_address(raw)
    except ValueError:
        return f"addr:{raw}"
    if found.version == 6:
        network = int(found) >> 64
        return f"addr6:{network:x}"
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
        storage_options={"socket_connect_timeout": 1, "socket_timeout": 1},
        strategy="moving-window",
        in_memory_fallback_enabled=True,
        key_prefix="uploads",
    )


def add_rate_headers(limiter: Limiter, response: Response) -> Response:
    """Tell the caller what is left of the narrowest limit that was counted for it."""
    current = limiter.current_limit
    if current is None:
        return response
    window = current.limit.get_expiry()
    reset = max(0, math.ceil(current.reset_at - time.time()))
    response.headers["RateLimit-Policy"] = f'"default";q={current.limit.amount};w={window}'
    response.headers["RateLimit"] = f'"default";r={max(0, current.remaining)};t={reset}'
    if response.status_code == 429:
        response.headers["Retry-After"] = str(max(1, reset))
    return response


def apply(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Give each kind of route its limit; static files and the operator's probes have none."""
    views: dict[str, Any] = app.view_functions
    for endpoint in ("api.upload", "web.upload"):
        views[endpoint] = limiter.limit(settings.rate_upload)(views[endpoint])
    by_account = limiter.limit(settings.rate_sign_in, key_func=_account, methods=["POST"])
    by_address = limiter.limit(settings.rate_sign_in, key_func=address, methods=["POST"])
    views["web.sign_in"] = by_account(by_address(views["web.sign_in"]))
    for endpoint, view in views.items():
        if endpoint == "static" or endpoint.startswith(OPERATIONS + "."):
            limiter.exempt(view)


def _account() -> str:
    return "account:" + request.form.get("email", "").strip().lower()[:254]
