"""How often: Flask-Limiter on Redis, shared by all processes, keyed by user before address.

Uploads are weighed in `security.upload_limits`: by bytes, and by how many there are at once.

Without Redis each process counts for itself with the same limits: weaker, never unlimited. The
answers carry RateLimit and RateLimit-Policy (IETF httpapi ratelimit-headers, structured fields).
"""

from __future__ import annotations

import math
import time
from functools import wraps
from typing import Any

import structlog
from flask import Flask, Request, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.constants import ConfigVars
from limits import parse_many

from uploads.config import Settings
from uploads.documents.model import Actor
from uploads.security import devices
from uploads.security.addresses import address, address_of
from uploads.security.cors import is_asked_first
from uploads.security.credentials import normal_email
from uploads.security.hosts import CONTENT, OPERATIONS, is_internal
from uploads.security.one_trip import Budget, OneTripLimiter, Told
from uploads.security.principals import current_actor, services
from uploads.security.upload_limits import limited_here

_STORE_SECONDS = 1  # how long a request may wait for Redis, to connect and for each answer
_ACCOUNT_FACTOR = 10
_UNMATCHED = "no route"  # Flask-Limiter passes over a request without a name
_log = structlog.get_logger(__name__)


def make_limiter(app: Flask, settings: Settings) -> OneTripLimiter:
    """Bind a limiter to the app, counting in Redis and, without it, in the process.

    Its limits count across all routes, addresses that no route answers included.
    """
    app.config[ConfigVars.HEADERS_ENABLED] = False
    url = settings.redis_url
    return OneTripLimiter(
        _everywhere(settings),
        app=app,
        redis_url=url,
        seconds=_STORE_SECONDS,
        # Asked before anything is put together for this request.
        passes_over=lambda asked, actor: limited_here(asked, actor) or _is_probe(asked, settings),
        request_identifier=lambda: request.endpoint or _UNMATCHED,
        storage_uri="redis+" + url if url.startswith("unix://") else url,
        storage_options={
            "socket_connect_timeout": _STORE_SECONDS,
            "socket_timeout": _STORE_SECONDS,
        },
        strategy="moving-window",
        in_memory_fallback_enabled=True,
        key_prefix="uploads",
    )


def _everywhere(settings: Settings) -> list[Budget]:
    """Who is asking first, the address it comes from second; never the same budget twice.

    What a browser asks before a page of a listed origin does is of somebody who is about to say who
    he is: all who share an address would otherwise share the budget of one who does not.
    """

    def caller(asked: Request, actor: Actor | None) -> str | None:
        return None if is_asked_first(asked, settings) else _caller(asked, actor)

    def place(asked: Request, actor: Actor | None) -> str | None:
        counted = actor is not None or _is_content(asked) or is_asked_first(asked, settings)
        return "address/" + address_of(asked) if counted else None

    return [
        Budget(settings.rate_default, caller),
        Budget(settings.rate_key, _key),
        Budget(settings.rate_address, place),
        Budget(settings.rate_failed, _failed),
    ]


def _is_probe(asked: Request, settings: Settings) -> bool:
    """The operator's own look at this process; whoever only pretends is counted."""
    return asked.blueprint == OPERATIONS and is_internal(asked, settings)


def _is_content(asked: Request) -> bool:
    """The content host knows no users, and one page asks it for many pictures."""
    return asked.blueprint == CONTENT


def _caller(asked: Request, actor: Actor | None) -> str | None:
    """The user's when known, else the address's."""
    if _is_content(asked):
        return None
    return "default/" + (f"user:{actor.user_id}" if actor else address_of(asked))


def _key(asked: Request, actor: Actor | None) -> str | None:
    del asked
    return f"key/{actor.credential_id}" if actor is not None and actor.via == "key" else None


def _failed(asked: Request, actor: Actor | None) -> str | None:
    """For a credential that is none: a guess, or a key that was revoked.

    The content host knows no keys; what is sent there is a link's password, with limits of its own.
    """
    guessed = actor is None and "Authorization" in asked.headers and not _is_content(asked)
    return "failed/" + address_of(asked) if guessed else None


def add_rate_headers(limiter: OneTripLimiter, response: Response) -> Response:
    """Tell the caller what is left of the narrowest limit that was counted for it.

    Never raises: where Flask-Limiter counted, the figures are asked of its store after the work is
    done and committed, and an answer without them is better than none.
    """
    try:
        told = limiter.told()
    except Exception as error:  # noqa: BLE001 -- whatever the store's client can raise
        _log.warning("rate_headers_left_out", cause=type(error).__name__)
        return response
    if told is not None:
        _describe(told, response)
    return response


def _describe(told: Told, response: Response) -> None:
    reset, headers = _seconds_left(told), response.headers
    # Nobody else writes these two; to look for them costs more than to add them.
    headers.add("RateLimit-Policy", f'"{told.policy}";q={told.most};w={told.seconds}')
    headers.add("RateLimit", f'"{told.policy}";r={max(0, told.left)};t={reset}')
    if response.status_code == 429:
        # Where another limit was passed, whoever refused has said how long.
        headers.setdefault("Retry-After", str(max(1, reset)))


def seconds_to_wait() -> int | None:
    """How long the caller has to wait for the limit that it passed; None where nobody can tell."""
    limiter: OneTripLimiter = current_app.extensions["uploads.limiter"]
    try:
        told = limiter.told()
    except Exception as error:  # noqa: BLE001 -- as above
        _log.warning("wait_left_out", cause=type(error).__name__)
        return None
    return max(1, _seconds_left(told)) if told else None


def _seconds_left(told: Told) -> int:
    # Flask-Limiter rounds up by a second, and never is there more to wait than the whole window.
    return max(0, min(math.ceil(told.reset_at - time.time()), told.seconds))


def apply(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Give signing in its own limits; Flask-Limiter itself passes over static files."""
    views: dict[str, Any] = app.view_functions
    views["web.sign_in"] = _limit_sign_in(limiter, settings.rate_sign_in, views["web.sign_in"])
    for view in (f"{CONTENT}.link", f"{CONTENT}.enter"):
        views[view] = _limit_link_passwords(limiter, settings.rate_link_password, views[view])
    given = limiter.shared_limit(
        _times(settings.rate_link_password, _ACCOUNT_FACTOR),
        "link-given",
        key_func=_giving,
        exempt_when=_gives_no_password,
    )
    for view in ("api.create_link", "web.create_link"):
        views[view] = given(views[view])


def _limit_sign_in(limiter: Limiter, rate: str, view: Any) -> Any:
    """Bound guesses from one place, and far more loosely those from everywhere at one account.

    They are spent before the password is checked. A limit on the account lets strangers who know
    its e-mail and have many addresses keep its owner out: so a browser in which somebody signed in
    to it before has that limit for itself (`devices`). The address's bounds each pair of account
    and address as well. It stands nearest to the view and is spent first: what it refuses is not
    counted against the account.
    """
    account = limiter.limit(_times(rate, _ACCOUNT_FACTOR), key_func=_account)
    place = limiter.limit(rate, key_func=_signing_in)
    guarded = account(place(view))

    # The form itself is no guess: it is counted like any page, and says what is left of that.
    @wraps(view)
    def sign_in(**arguments: Any) -> Any:
        return (guarded if request.method == "POST" else view)(**arguments)

    return sign_in


def _limit_link_passwords(limiter: Limiter, rate: str, view: Any) -> Any:
    """Bound guesses at links with a password, as those at accounts; right ones count as well."""
    linked = limiter.shared_limit(_times(rate, _ACCOUNT_FACTOR), "link", key_func=_link)
    place = limiter.shared_limit(rate, "link", key_func=_trying)
    guarded = linked(place(view))

    @wraps(view)
    def use(**arguments: Any) -> Any:
        guess = request.method == "POST" or "Authorization" in request.headers
        return (guarded if guess else view)(**arguments)

    return use


def _gives_no_password() -> bool:
    """Whether this makes no link with a password, whose hash costs what trying one does.

    Never raises: what cannot be read the view meets again, and refuses.
    """
    if current_actor() is None:
        return True
    try:
        api = request.endpoint == "api.create_link"
        said = request.get_json(force=True, silent=True) if api else request.form
        return not (said and said.get("password"))
    except Exception:  # noqa: BLE001 -- too large, garbled, cut off, no object
        return True


def _giving() -> str:
    actor = current_actor()
    return "link-passwords-given/" + (actor.user_id if actor else address())


def _link() -> str:
    """The link, or the address where there is none; never raises, as above."""
    try:
        token = (request.view_args or {}).get("token", "")
        return "link-password/" + services().fetching.link_id(token)
    except Exception:  # noqa: BLE001 -- forged, garbled: the view meets it again
        return "link-password/" + address()


def _trying() -> str:
    return "link-passwords-tried/" + address()


def _times(rate: str, factor: int) -> str:
    """The same rate with its amount multiplied: 10/minute → 100 per 1 minute."""
    return ";".join(
        f"{one.amount * factor} per {one.multiples} {one.GRANULARITY.name}"
        for one in parse_many(rate)
    )


def _account() -> str:
    """The account that is asked for, this browser where the account knows it, or the address when
    neither can be told.

    Never raises: Flask-Limiter would take any exception of a key for the end of its store.
    """
    try:
        email = normal_email(request.form.get("email", ""))
        parts = services()
        device = devices.known(parts.settings, request, email, parts.accounts.user)
        return f"sign-in-device/{device}" if device else f"sign-in-account/{email}"
    except Exception:  # noqa: BLE001 -- too large, garbled, cut off: the view meets it again
        return "sign-in-account/" + address()


def _signing_in() -> str:
    return "sign-in/" + address()
