"""The one table: domain error → status, and how an error is rendered, as problem+json or a page.

The heart knows no status; views raise and never render an error themselves.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, json, render_template, request
from werkzeug.exceptions import HTTPException

from uploads.documents import errors
from uploads.documents.errors import UploadsError
from uploads.metrics import GRANTS_REFUSED, PROBLEMS
from uploads.security import hosts, limits
from uploads.security.principals import services

STATUS: dict[str, int] = {
    "malformed": 400,
    "unauthenticated": 401,
    "password-required": 401,
    "forbidden": 403,
    "csrf": 403,
    "quota-exceeded": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-clean": 409,
    "incomplete": 409,
    "conflict": 409,
    "gone": 410,
    "upload-expired": 410,
    "download-limit": 410,
    "precondition-failed": 412,
    "file-too-large": 413,
    "body-too-large": 413,
    "type-not-allowed": 415,
    "type-mismatch": 415,
    "unsupported-media-type": 415,
    "range-not-satisfiable": 416,
    "misdirected": 421,
    "invalid": 422,
    "empty-file": 422,
    "bad-name": 422,
    "malformed-file": 422,
    "digest-mismatch": 422,
    "size-mismatch": 422,
    "idempotency-mismatch": 422,
    "rate-limited": 429,
    "headers-too-large": 431,
    "internal": 500,
    "unavailable": 503,
    "backlog": 503,
    "storage-full": 507,
}
"""Code of the contract → HTTP status. A test asserts that it covers the whole catalogue."""

_FROM_WERKZEUG: dict[int, type[UploadsError]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    408: errors.Malformed,
    412: errors.PreconditionFailed,
    413: errors.BodyTooLarge,
    414: errors.HeadersTooLarge,
    415: errors.UnsupportedMediaType,
    416: errors.RangeNotSatisfiable,
    431: errors.HeadersTooLarge,
    503: errors.Unavailable,
}

# They know when it is worth asking again.
_TIMED = (errors.Backlog, errors.RateLimited, errors.StillRunning, errors.StoreUnproved)

_log = structlog.get_logger(__name__)


def status_of(error: UploadsError) -> int:
    """The HTTP status of a domain error."""
    return STATUS[error.code]


def problem(error: UploadsError, request_id: str | None = None) -> dict[str, Any]:
    """The members of an RFC 9457 problem document; of the current request unless told."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(error),
        "detail": error.public,
        "code": error.code,
        "request_id": g.get("request_id", "") if request_id is None else request_id,
        **error.members,
    }


def install(app: Flask) -> None:
    """Register the handlers: ours, Werkzeug's, and everything nobody thought of."""
    app.register_error_handler(UploadsError, _ours)
    app.register_error_handler(HTTPException, _werkzeugs)
    app.register_error_handler(Exception, _unexpected)


def is_ours(error: UploadsError) -> bool:
    """Whether it is the service's doing, and no client's."""
    return status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR


def noted(error: UploadsError) -> dict[str, Any]:
    """The problem document of one thing of several that the present request asked for."""
    _note(error)
    _count(error)
    return problem(error)


def _ours(error: UploadsError) -> Response:
    _note(error)
    return render(error)


def _note(error: UploadsError) -> None:
    if is_ours(error):
        _log.error(
            "request_failed", code=error.code, cause=getattr(error, "cause", ""), exc_info=error
        )


def _count(error: UploadsError) -> None:
    PROBLEMS.count(error.code)
    if isinstance(error, errors.StoreUnproved):
        GRANTS_REFUSED.count(error.standing)


def _werkzeugs(error: HTTPException) -> Response:
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        return render(errors.RateLimited(limits.seconds_to_wait()))
    known = _FROM_WERKZEUG.get(error.code or 500)
    if known is None:
        if error.response is not None or (error.code or 500) < HTTPStatus.BAD_REQUEST:
            return error.get_response()  # type: ignore[return-value]
        return _unexpected(error)
    response = render(known())
    allow = getattr(error, "valid_methods", None)
    if allow:
        response.headers["Allow"] = ", ".join(sorted(allow))
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected_error", exc_info=error)
    return render(errors.UploadsError())


def render(error: UploadsError) -> Response:
    """The answer to the present request: problem+json, a page, or text where there are no pages."""
    _count(error)
    members = problem(error)
    elsewhere = hosts.on_content_host() or isinstance(error, errors.Misdirected)
    if elsewhere:
        # The page of a code is on the app's host only.
        members["type"] = services().settings.public_url + members["type"]
    if _wants_json():
        response = current_app.response_class(
            json.dumps(members), content_type="application/problem+json"
        )
    elif elsewhere and hosts.is_link_page(request):
        page = render_template("link_problem.html", problem=members)
        response = current_app.response_class(page, content_type="text/html; charset=utf-8")
    elif elsewhere:
        response = current_app.response_class(
            _without_assets(members), content_type="text/plain; charset=utf-8"
        )
    else:
        page = render_template("problem.html", problem=members, request_id=members["request_id"])
        response = current_app.response_class(page, content_type="text/html; charset=utf-8")
    response.status_code = members["status"]
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = (
            'Basic realm="link", charset="UTF-8"'
            if isinstance(error, errors.PasswordRequired)
            else 'Bearer realm="uploads"'
        )
    if isinstance(error, _TIMED) and error.seconds is not None:
        response.headers["Retry-After"] = str(error.seconds)
    elif response.status_code in {429, 503}:
        response.headers.setdefault("Retry-After", "5")
    return response


def _without_assets(members: dict[str, Any]) -> str:
    """The page as bare text, for hosts on which its style and its links do not exist."""
    lines = [f"{members['title']} ({members['status']})", members["detail"]]
    if hosts.on_content_host():
        lines.append("This host only hands out content of the service.")
    lines.append(f"The service itself is at {services().settings.public_url}/")
    lines.append(f"Request {members['request_id']}")
    return "\n\n".join(lines) + "\n"


def _wants_json() -> bool:
    """Programs get problem+json; a page is for those who ask for HTML outside of /api."""
    if request.path.startswith("/api/"):
        return True
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html"
