"""Who is asking: one look at the request's credentials, before anything else happens.

An `Authorization` header speaks for a program, else the session cookie for a person. Keys in a
query string or a body are never looked at.
"""

from __future__ import annotations

import re

from flask import Flask, Request, current_app, g, request

from uploads.documents.errors import Forbidden, Unauthenticated
from uploads.documents.model import Actor, Scope
from uploads.security import sessions
from uploads.wiring import Services

# Whoever makes a link or a webhook leads what is in the service out of it: a key that may not read
# may not, and neither may one that may only read.
LEADING_OUT = (Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE)

_BEARER = re.compile(r"(?i:bearer) +(?P<key>[\x21-\x7e]{1,512})")


def services() -> Services:
    """The application's services."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    found: Services = app.extensions["services"]
    return found


def present() -> Request:
    """The present request itself: what is asked of Flask's stand-in for it costs an exception."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def identify(asked: Request, services: Services) -> Actor | None:
    """The caller, for `g.actor`; a credential that is not valid makes it nobody.

    Nothing is refused here: the rate limit comes next, and guesses must be counted by it.
    """
    header = asked.environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        match = _BEARER.fullmatch(header)
        return services.accounts.key_actor(match["key"]) if match else None
    token = sessions.read_cookie(services.settings, asked)
    return services.accounts.session_actor(token) if token else None


def current_actor() -> Actor | None:
    """Who is asking, or None."""
    actor: Actor | None = g._get_current_object().get("actor")
    return actor


def require_actor(*scopes: Scope) -> Actor:
    """Who is asking. Raises Unauthenticated for nobody and Forbidden where a scope is missing."""
    actor = current_actor()
    if actor is None:
        raise Unauthenticated
    for scope in scopes:
        if scope in actor.scopes:
            continue
        if scope is Scope.ADMIN:
            raise Forbidden("Only administrators may do this, by a key that has the scope admin.")
        raise Forbidden(f"This key lacks the scope {scope.value}. Make a key that has it.")
    return actor
