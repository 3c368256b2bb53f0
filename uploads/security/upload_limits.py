"""What an upload must pass before its body is read, and what is charged for it afterwards.

The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers.

Per user and per key first, per address second: requests, bytes read, and uploads at once. All of
it is one question to `security.turnstile` and one word at the end; each further file of a form is
one question more. A grant is an upload whose bytes go elsewhere: it is charged its size when it is
given, and holds no place. Uploads of nobody are left to the limits of all routes: they are refused
anyway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Request, Response, current_app, g
from limits import parse_many

from uploads import bodies
from uploads.config import Settings
from uploads.documents.errors import BytesSpent, Invalid, RateLimited
from uploads.documents.model import Actor
from uploads.metrics import UNDER_WAY
from uploads.security.addresses import address_of
from uploads.security.principals import present
from uploads.security.shared_counts import SharedCounts
from uploads.security.turnstile import Ticket, Turnstile
from uploads.security.windows import CALLERS, Answer, Entry, Limits, LocalCounts, Places, Window

UPLOADS = frozenset({"api.upload", "api.upload_documents", "web.upload"})
GRANTS = frozenset({"api.create_upload", "api.create_uploads"})
_AT_ONCE = (
    "Too many of your uploads are on their way at once. Wait until one of them has ended, then "
    "try again."
)


def install(settings: Settings) -> Entrance:
    """Make the turnstile; `enter` and `leave` are for the app's order of hooks."""
    turnstile = Turnstile(
        SharedCounts(settings.redis_url), LocalCounts(), shares=settings.web_processes
    )
    return Entrance(settings, turnstile)


def limited_here(asked: Request, actor: Actor | None) -> bool:
    """Whether this request is an upload by somebody, whose limits are all in this module."""
    endpoint = asked.endpoint
    known = endpoint in UPLOADS or endpoint in GRANTS
    return actor is not None and asked.method == "POST" and known


def enter_another(actor: Actor, count: int = 1, amount: int = 1) -> None:
    """Let `count` further files of the present request in, all or none, or raise RateLimited.

    To be called before a byte of them is read: each costs what an upload of its own would, and so
    many bytes must be left for them. Raises Invalid where so many, or so much, never may.
    """
    entrance: Entrance = current_app.extensions["uploads.entrance"]
    entrance.enter_another(present(), g, actor, count, amount)


def charge_grant(size: int) -> None:
    """Charge the bytes of all that the present request is granted.

    Nothing is waited for: what is asked next goes behind it. A grant that is refused, or repeated
    under its Idempotency-Key, is one upload without bytes.
    """
    ticket: Ticket = g.ticket
    ticket.charge(size)


def leave(asked: Request, ticket: Ticket, response: Response) -> None:
    """Tell what is left, and end the upload when the answer has gone out and nothing is read."""
    limits = ticket.entry.limits
    left = [
        f'"{window.policy}";r={max(0, rest)};t={-(-wait // 1000)}'
        for window, (rest, wait) in zip(limits.windows, ticket.answer.left, strict=True)
    ]
    # Nobody else writes these two; to look for them costs more than to add them.
    response.headers.add("RateLimit-Policy", _policies(limits))
    response.headers.add("RateLimit", ", ".join(left))
    if ticket.answer.refused is None and asked.endpoint not in GRANTS:
        response.call_on_close(ticket.leave)
        response.call_on_close(_left)


def _left() -> None:
    UNDER_WAY.count(by=-1)


@lru_cache(maxsize=CALLERS)
def _policies(limits: Limits) -> str:
    told = [_policy(one) for one in limits.windows] + [_policy(one) for one in limits.places]
    return ", ".join(told)


def _policy(one: Window | Places) -> str:
    if isinstance(one, Places):
        return f'"{one.policy}";q={one.most};qu="concurrent-requests"'
    unit = "" if one.cost else ';qu="content-bytes"'
    return f'"{one.policy}";q={one.most};w={one.seconds}{unit}'


class Entrance:
    """Where uploads are let in. What limits a caller is put together once, and kept for a while."""

    def __init__(self, settings: Settings, turnstile: Turnstile) -> None:
        self._settings = settings
        self._turnstile = turnstile
        self._limits = lru_cache(maxsize=CALLERS)(self._limits_of)

    def enter(self, asked: Request, kept: Any, actor: Actor) -> None:
        """Let an upload or a grant in, or raise RateLimited before a byte of its body is read.

        `kept` is what Flask's `g` stands for: the ticket for `leave` is in it, also where one is
        refused.
        """
        limits, streamed = self._limits_for(asked, actor), asked.endpoint not in GRANTS
        entry = Entry(os.urandom(16).hex(), limits if streamed else _of_files(limits))
        ticket = kept.ticket = self._turnstile.enter(entry)
        _check(ticket.answer)
        if streamed:
            bodies.inbound(asked).watch(ticket.read)
            UNDER_WAY.count()

    def enter_another(
        self, asked: Request, kept: Any, actor: Actor, count: int = 1, amount: int = 1
    ) -> None:
        """Let `count` more files of an upload that was let in pass, in the place that it holds.

        `amount` bytes must be left for them. Raises RateLimited, and Invalid where so many, or so
        much, never may; nothing is spent then. What is left by now is told with the answer.
        """
        ticket: Ticket = kept.ticket
        limits = _of_files(self._limits_for(asked, actor))
        together = count > 1 or amount > 1
        if together:
            limits = _of_many(limits, count, amount)
        more = self._turnstile.enter(Entry(ticket.entry.token, limits))
        ticket.answer = ticket.answer._replace(left=more.answer.left)
        if more.answer.refused is not None and together:
            _check_ever(more.entry.limits, "file" if asked.endpoint in UPLOADS else "/uploads")
        _check(more.answer)

    def _limits_for(self, asked: Request, actor: Actor) -> Limits:
        key = actor.credential_id if actor.via == "key" else None
        return self._limits(actor.user_id, key, address_of(asked))

    def _limits_of(self, user: str, key: str | None, place: str) -> Limits:
        return Limits(
            tuple(_windows(self._settings, user, key, place)),
            tuple(_places(self._settings, user, place)),
        )


def _check(answer: Answer) -> None:
    if answer.refused is None:
        return
    seconds = max(1, -(-answer.wait_ms // 1000))
    if answer.refused.startswith("at-once"):
        raise RateLimited(seconds, _AT_ONCE)
    raise (BytesSpent if answer.refused.startswith("bytes") else RateLimited)(seconds)


@lru_cache(maxsize=CALLERS)
def _of_files(limits: Limits) -> Limits:
    """The windows alone: further files, and grants, hold no place."""
    return Limits(limits.windows, ())


def _of_many(limits: Limits, count: int, amount: int) -> Limits:
    """The same windows, spent by so many files at once, which will be charged so many bytes."""
    windows = [
        replace(one, cost=count) if one.cost else replace(one, asks=amount)
        for one in limits.windows
    ]
    return Limits(windows, limits.places)


def _check_ever(limits: Limits, pointer: str) -> None:
    """Raises Invalid where a window is too narrow for these files and the one before them.

    It is the windows that were asked: a process that counts alone lets in its share at most.
    """
    for one in limits.windows:
        if one.cost + 1 > one.most or one.asks > one.most:
            unit = "" if one.cost else " bytes"
            detail = f"at most {one.most}{unit} here, which is all that is let in within a while"
            raise Invalid(errors=[{"pointer": pointer, "detail": detail}])


def _windows(settings: Settings, user: str, key: str | None, place: str) -> Iterator[Window]:
    yield from _requests("upload-user", user, settings.rate_upload)
    if key:
        yield from _requests("upload-key", key, settings.rate_upload_key)
    yield from _requests("upload-address", place, settings.rate_upload_address)
    for policy, whose, most in (
        ("bytes-user", user, settings.bytes_per_hour),
        ("bytes-address", place, settings.bytes_per_hour_address),
    ):
        if most:
            yield Window(policy, whose, most, 3600, cost=0)


def _requests(policy: str, key: str, rate: str) -> Iterator[Window]:
    for number, one in enumerate(parse_many(rate)):
        name = policy if number == 0 else f"{policy}-{number + 1}"
        yield Window(name, key, one.amount, one.get_expiry())


def _places(settings: Settings, user: str, place: str) -> Iterator[Places]:
    for policy, key, most in (
        ("at-once-user", user, settings.uploads_at_once),
        ("at-once-address", place, settings.uploads_at_once_address),
    ):
        if most:
            yield Places(policy, key, most)
