"""An answer of the app on its way to the server: small whole ones go without Werkzeug's copies.

Werkzeug makes of each answer's headers a checked copy, to mend what applications leave open. Ours
leave nothing open: what all answers of a kind have in common is known beforehand, is put in last,
and cannot be overruled. Whatever is not small, whole and plain goes Werkzeug's way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

from uploads.documents.errors import UploadsError

_log = structlog.get_logger(__name__)

# What is the same before and after Werkzeug's `iri_to_uri`.
_PLAIN_URL = re.compile(r"[A-Za-z0-9/:._~?&=-]*")


def under_way(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A body as it goes out. What cannot be sent as announced breaks the connection, in one line.

    Raises ConnectionAbortedError for what the service raises on purpose, which the server takes for
    a connection's end: its own way to tell of an error is a trace of its calls, and strangers who
    have a link could fill the log with them.
    """
    try:
        yield from pieces
    except UploadsError as error:
        _log.warning("answer_broken_off", code=error.code, cause=getattr(error, "cause", ""))
        raise ConnectionAbortedError from error


class Common:
    """Headers of all answers of one kind: `fixed` ones, and those where an answer has no own."""

    def __init__(self, fixed: Mapping[str, str], default: Mapping[str, str]) -> None:
        self._names = frozenset(name.lower() for name in fixed)
        self._fixed = list(fixed.items())
        self._default = [(name, name.lower(), text) for name, text in default.items()]

    def joined(self, own: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """An answer's own headers, as far as they may stand, and these."""
        names, given = self._names, [name.lower() for name, _ in own]
        kept = [pair for pair, low in zip(own, given, strict=True) if low not in names]
        kept += [(name, text) for name, low, text in self._default if low not in given]
        return kept + self._fixed


class _Whole:
    """A body in one piece, and what is to be called when it is out (PEP 3333, `close`)."""

    def __init__(self, body: bytes, close: Callable[[], None]) -> None:
        self._body = body
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._body,))


class Answer(Response):
    """The app's response class. `common` is joined to its headers when it goes."""

    common: Common | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.common is None:
            return super().__call__(environ, start_response)
        pairs = self.common.joined(list(self.headers))
        if not self._goes_as_it_is(environ, dict(pairs)):
            self.headers, self.common = Headers(pairs), None
            return super().__call__(environ, start_response)
        start_response(self.status, pairs)
        pieces = self.response
        if isinstance(pieces, list) and len(pieces) == 1 and isinstance(pieces[0], bytes):
            return _Whole(pieces[0], self.close)
        return self.get_app_iter(environ)

    def _goes_as_it_is(self, environ: WSGIEnvironment, fields: Mapping[str, Any]) -> bool:
        """Whether Werkzeug would change nothing of it."""
        return (
            self.status_code >= 200
            and self.status_code not in {204, 304}
            and environ["REQUEST_METHOD"] != "HEAD"
            and "Content-Length" in fields
            and "Content-Location" not in fields
            and _PLAIN_URL.fullmatch(fields.get("Location", "")) is not None
        )
