"""What the server answers itself, without the app: problem+json under all headers, like the rest.

gunicorn calls this for what it cannot parse or finds too long, and for an app that failed beyond
its own handlers; our worker for an address with too many connections. It must not know the app,
and shows nothing of what was sent.
"""

from __future__ import annotations

import json
import secrets
import socket
from email.utils import formatdate
from http import HTTPStatus

import structlog
from gunicorn import util

from uploads import errors
from uploads.config import Settings
from uploads.documents.errors import HeadersTooLarge, Malformed, RateLimited, UploadsError
from uploads.metrics import PROBLEMS
from uploads.security import headers

_TOO_LONG = frozenset({414, 431})
_SOON = 5
_CROWDED = "Too many connections are open from this address. Close some, then try again."
_log = structlog.get_logger(__name__)


def install(settings: Settings) -> None:
    """Make gunicorn answer in our words. It has no setting for this, only this one function."""

    def write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
        del reason, mesg  # both may quote the request
        util.write_nonblock(sock, refusal(settings, status_int))

    util.write_error = write_error


def refusal(settings: Settings, status: int) -> bytes:
    """The whole answer for a status of gunicorn's, which is mapped to one of the contract."""
    request_id = secrets.token_hex(12)
    error = _error(status)
    PROBLEMS.count(error.code)
    members = errors.problem(error, request_id)
    _log.warning("refused_by_server", request_id=request_id, code=error.code, given=status)
    body = json.dumps(members).encode()
    fields = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        **_waiting(error),
        **headers.of_no_app(settings),
    }
    lines = [f"{name}: {text}\r\n" for name, text in fields.items()]
    known = HTTPStatus(members["status"])
    return f"HTTP/1.1 {known.value} {known.phrase}\r\n{''.join(lines)}\r\n".encode() + body


def _waiting(error: UploadsError) -> dict[str, str]:
    """When to come again, where that is known (RFC 9110 section 10.2.3)."""
    if isinstance(error, RateLimited) and error.seconds is not None:
        return {"Retry-After": str(error.seconds)}
    return {}


def _error(status: int) -> UploadsError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(_SOON, _CROWDED)
    if status in _TOO_LONG:
        return HeadersTooLarge()
    return UploadsError() if status == HTTPStatus.INTERNAL_SERVER_ERROR else Malformed()
