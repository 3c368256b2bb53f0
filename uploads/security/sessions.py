"""The session cookie: a reference to a server-side session, and nothing else."""

from __future__ import annotations

from flask import Request
from werkzeug.wrappers import Response

from uploads.config import Settings


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds the cookie to this host and TLS (RFC 6265bis); plain HTTP cannot have it."""
    return "__Host-session" if settings.https else "session"


def read_cookie(settings: Settings, request: Request) -> str | None:
    """The token that the browser sent, if any."""
    return request.cookies.get(cookie_name(settings))


def set_cookie(settings: Settings, response: Response, token: str) -> None:
    """Hand the token to the browser, out of reach of scripts and of other sites."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=settings.session_seconds,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(settings: Settings, response: Response) -> None:
    """Make the browser forget the token."""
    response.delete_cookie(
        cookie_name(settings), path="/", secure=settings.https, httponly=True, samesite="Lax"
    )
