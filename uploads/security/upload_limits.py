"""What an upload must pass before its body is read, and what is charged for it afterwards.

The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers.

Per user and per key first, per address second: requests, bytes read, and uploads at once. All of
it is one question to `security.turnstile` and one word at the end. Uploads of nobody are left to
the limits of all routes: they are refused anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from limits import parse_many

from uploads import bodies
from uploads.config import Settings
from uploads.documents.errors import RateLimited
from uploads.documents.model import Actor
from uploads.metrics import UNDER_WAY
from uploads.security.addresses import address
from uploads.security.principals import current_actor
from uploads.security.shared_counts import SharedCounts
from uploads.security.turnstile import Ticket, Turnstile
from uploads.security.windows import Entry, LocalCounts, Places, Window

UPLOADS = frozenset({"api.upload", "web.upload"})
_TURNSTILE = "uploads.turnstile"
_AT_ONCE = (
    "Too many of your uploads are on their way at once. Wait until one of them has ended, then "
    "try again."
)
_BYTES = "That was too much data in a short time. Wait a minute, then go on."


def install(app: Flask, settings: Settings) -> None:
    """Make the turnstile; `enter` and `leave` are for the app's order of hooks."""
    app.extensions[_TURNSTILE] = Turnstile(
        SharedCounts(settings.redis_url), LocalCounts(), shares=settings.web_processes
    )


def limited_here() -> bool:
    """Whether this request is an upload by somebody, whose limits are all in this module."""
    return request.endpoint in UPLOADS and request.method == "POST" and current_actor() is not None


def enter() -> None:
    """Let an upload in, or raise RateLimited before a byte of its body is read."""
    actor = current_actor()
    if actor is None or not limited_here():
        return
    turnstile: Turnstile = current_app.extensions[_TURNSTILE]
    settings: Settings = current_app.extensions["services"].settings
    windows, places = _windows(settings, actor), _places(settings, actor)
    ticket = turnstile.enter(Entry(uuid4().hex, list(windows), list(places)))
    g.ticket = ticket
    refused = ticket.answer.refused
    if refused is None:
        bodies.inbound(request).watch(ticket.read)
        UNDER_WAY.count()
        return
    seconds = max(1, -(-ticket.answer.wait_ms // 1000))
    if refused.startswith("at-once"):
        raise RateLimited(seconds, _AT_ONCE)
    raise RateLimited(seconds, _BYTES if refused.startswith("bytes") else None)


def leave(response: Response) -> Response:
    """Tell what is left, and end the upload when the answer has gone out and nothing is read."""
    ticket: Ticket | None = g.get("ticket")
    if ticket is None:
        return response
    shown = list(zip(ticket.entry.windows, ticket.answer.left, strict=True))
    policies = [_policy(window) for window, _ in shown] + [
        f'"{places.policy}";q={places.most};qu="concurrent-requests"'
        for places in ticket.entry.places
    ]
    response.headers["RateLimit-Policy"] = ", ".join(policies)
    response.headers["RateLimit"] = ", ".join(
        f'"{window.policy}";r={max(0, left)};t={-(-wait // 1000)}' for window, (left, wait) in shown
    )
    if ticket.answer.refused is None:
        response.call_on_close(ticket.leave)
        response.call_on_close(lambda: UNDER_WAY.count(by=-1))
    return response


def _policy(window: Window) -> str:
    unit = "" if window.cost else ';qu="content-bytes"'
    return f'"{window.policy}";q={window.most};w={window.seconds}{unit}'


def _windows(settings: Settings, actor: Actor) -> Iterator[Window]:
    user, place = actor.user_id, address()
    yield from _requests("upload-user", user, settings.rate_upload)
    if actor.via == "key" and actor.credential_id:
        yield from _requests("upload-key", actor.credential_id, settings.rate_upload_key)
    yield from _requests("upload-address", place, settings.rate_upload_address)
    for policy, key, most in (
        ("bytes-user", user, settings.bytes_per_hour),
        ("bytes-address", place, settings.bytes_per_hour_address),
    ):
        if most:
            yield Window(policy, key, most, 3600, cost=0)


def _requests(policy: str, key: str, rate: str) -> Iterator[Window]:
    for number, (amount, seconds) in enumerate(_parsed(rate)):
        name = policy if number == 0 else f"{policy}-{number + 1}"
        yield Window(name, key, amount, seconds)


@lru_cache
def _parsed(rate: str) -> list[tuple[int, int]]:
    """Amounts and seconds. The settings do not change, and reading one costs more than asking."""
    return [(one.amount, one.get_expiry()) for one in parse_many(rate)]


def _places(settings: Settings, actor: Actor) -> Iterator[Places]:
    for policy, key, most in (
        ("at-once-user", actor.user_id, settings.uploads_at_once),
        ("at-once-address", address(), settings.uploads_at_once_address),
    ):
        if most:
            yield Places(policy, key, most)
