"""What can go wrong, as exceptions with a stable code.

Errors of the service arrive as `application/problem+json` (RFC 9457) and become `UploadsError`.
Subclasses are there where a caller would want to catch them apart. Files of this machine raise
the usual `OSError`; arguments that make no sense raise `ValueError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UploadsError(Exception):
    """Something that was asked of the service was not done.

    `code` is the contract's word (`not-found`, `quota-exceeded` …) or one of this client's own,
    `status` the HTTP status where there was an answer, `detail` a sentence for people,
    `request_id` what the service's log calls the request, `members` the whole problem as it came,
    `retry_after` seconds that were asked for before another try, `left` how many uploads the limits
    have room for now, where the answer told it.
    """

    code = "error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        members: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        left: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.status = status
        self.request_id = request_id
        self.members = dict(members or {})
        self.retry_after = retry_after
        self.left = left

    def __str__(self) -> str:
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}: {self.detail}{request}"


class NotReachable(UploadsError):
    """Raised when there was no answer: no connection, a broken one, or silence for too long."""

    code = "not-reachable"


class NotTrusted(NotReachable):
    """Raised when whoever answered could not prove to be the one that was called (TLS)."""

    code = "not-trusted"


class NotDone(UploadsError):
    """Raised when something was not begun, or its answer not waited for, because of another."""

    code = "not-done"


class WaitTimeout(UploadsError):
    """Raised when a document was not settled in the time that was given to it."""

    code = "timeout"


class DigestMismatch(UploadsError):
    """Raised when bytes that arrived are not those that were sent."""

    code = "digest-mismatch"


class NotFound(UploadsError):
    """Raised when there is no such thing, or it is somebody else's."""

    code = "not-found"


class NotClean(UploadsError):
    """Raised when a document is asked for whose bytes are not (or not yet) found clean."""

    code = "not-clean"


BY_CODE: Mapping[str, type[UploadsError]] = {
    kind.code: kind for kind in (DigestMismatch, NotFound, NotClean)
}
