"""What is counted of a request, when its answer is out and it costs nobody's time any more."""

from __future__ import annotations

from typing import Any

from uploads.inbound import Inbound
from uploads.metrics import RECEIVED, REQUESTS, SENT

_ROUTE = "uploads.route"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def name_route(environ: dict[str, Any], route: str | None, door: str | None) -> None:
    """Note under which template and at which door a request was answered; None where at none."""
    environ[_ROUTE] = (route or "none", door or "none")


def note(environ: dict[str, Any], status: str, sent: int, seconds: float) -> None:
    """Count one request by its status line: bytes of its bodies, and the time to the last one."""
    route, door = environ.get(_ROUTE, ("none", "none"))
    method = environ.get("REQUEST_METHOD", "")
    REQUESTS.observe(seconds, route, method if method in METHODS else "other", f"{status[0]}xx")
    SENT.count(door, by=sent)
    body = environ.get("wsgi.input")
    if isinstance(body, Inbound) and body.taken:
        RECEIVED.count(door, by=body.taken)
