"""An answer on its way out of gunicorn: headers that were checked before, and one call to send.

Most headers are the same in all answers, and gunicorn holds each of them against two patterns each
time; and a small answer leaves in two pieces, each a call of the system. What may stand in a header
stays gunicorn's decision.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi

# Of another value in each answer; names that are fine. Cookies are not to be kept in memory.
_OWN = frozenset({"Location", "RateLimit", "Set-Cookie", "X-Request-Id"})
# What gunicorn itself makes something of.
_MEANT = frozenset({"Content-Length", "Connection"})
_SMALL_BYTES = 64 * 1024
_Pairs = list[tuple[str, str]]


class Reply(wsgi.Response):  # type: ignore[misc]
    """gunicorn's own, but for what is the same each time."""

    headers_sent: bool

    def process_headers(self, headers: _Pairs) -> None:
        """Raises what gunicorn raises for headers that may not be sent."""
        for name, text in headers:
            if name in _OWN and wsgi.HEADER_VALUE_RE.fullmatch(text):
                self.headers.append((name, text.strip(" \t")))
                continue
            known = None if name in _MEANT else _checked(name, text)
            if known is None:
                super().process_headers([(name, text)])
            else:
                self.headers += known

    def write(self, arg: bytes) -> None:
        """Send a piece of the body; with the head, where it is a small answer's first one."""
        length = self.response_length
        alone = self.headers_sent or self._omits_body or length is None
        if alone or not 0 < len(arg) <= min(length, _SMALL_BYTES):
            super().write(arg)
            return
        lines = self.default_headers() + [f"{name}: {text}\r\n" for name, text in self.headers]
        # What fails on its way was begun: nothing else may follow on this connection.
        self.headers_sent = True
        self.sent = len(arg)
        self.sock.sendall(f"{''.join(lines)}\r\n".encode("latin-1") + arg)


def install() -> None:
    """Have gunicorn answer with it. It has no setting for this, only these names."""
    wsgi.Response = Reply
    util.http_date = _date
    # `wsgi.errors` of each request looks for the same streams.
    wsgi.WSGIErrorsWrapper = lru_cache(wsgi.WSGIErrorsWrapper)


def _date(timestamp: float | None = None) -> str:
    """A time, or else the present one, as `Date` has it: in whole seconds (RFC 9110, 5.6.7)."""
    return _date_of(int(time.time() if timestamp is None else timestamp))


@lru_cache(maxsize=1)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=256)
def _checked(name: str, text: str) -> _Pairs | None:
    """What is sent of a header; None for one that concerns the connection."""
    found = SimpleNamespace(headers=[], response_length=None, upgrade=False)
    _process(found, [(name, text)])
    concerns = found.response_length is not None or found.upgrade
    return None if concerns else found.headers


_process: Any = wsgi.Response.process_headers
