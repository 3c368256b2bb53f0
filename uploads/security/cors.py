"""CORS: which other origins' pages may ask the API with a key, and read what it answers.

Nobody's, unless UPLOADS_CORS_ORIGINS names them (Fetch standard, section 3.3). Credentials are
never allowed: such a page speaks by a key that it sends itself, and a cookie that comes along
speaks for nobody.
"""

from __future__ import annotations

from flask import Request, Response

from uploads.config import Settings
from uploads.security.hosts import is_app_host

_API = "/api/v1/"
ASKED_WITH = (
    "Authorization",
    "Content-Disposition",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Repr-Digest",
)
"""Headers of requests that the API reads; a test compares them with the OpenAPI document."""
TOLD = (
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Length",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Repr-Digest",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)
"""Headers of its answers that no page may read unless it is said; compared likewise."""
# Whatever is asked, so that a page reads that there is no such address, or no such method there.
_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
_ASK_AGAIN_SECONDS = 7200  # browsers cut off what is longer: Chromium here, Firefox after a day


def is_from_elsewhere(asked: Request, settings: Settings) -> bool:
    """Whether a page of a listed origin asks the API. Its browser's cookie is not its word."""
    listed = settings.cors_origins
    return bool(listed) and asked.headers.get("Origin") in listed and _is_api(asked, settings)


def is_asked_first(asked: Request, settings: Settings) -> bool:
    """Whether a browser asks, for such a page, what it may ask (the preflight)."""
    if asked.method != "OPTIONS" or "Access-Control-Request-Method" not in asked.headers:
        return False
    return is_from_elsewhere(asked, settings)


def permit(asked: Request, settings: Settings, response: Response) -> None:
    """Say on an answer of the API, of whatever status, who may read it.

    What depends on the origin says so to whoever keeps copies, also where none was sent.
    """
    if not settings.cors_origins or not _is_api(asked, settings):
        return
    headers = response.headers
    headers.add("Vary", "Origin")
    origin = asked.headers.get("Origin")
    if origin not in settings.cors_origins:
        return
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = ", ".join(TOLD)
    if asked.method == "OPTIONS" and "Access-Control-Request-Method" in asked.headers:
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = ", ".join(ASKED_WITH)
        headers["Access-Control-Max-Age"] = str(_ASK_AGAIN_SECONDS)


def _is_api(asked: Request, settings: Settings) -> bool:
    return asked.path.startswith(_API) and is_app_host(asked, settings)
