"""What gunicorn sends for us: the same as by itself, in fewer pieces."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName

from uploads.sending import Reply, _date

HEADERS = [
    ("Content-Type", "text/plain"),
    ("Content-Length", "4"),
    ("X-Frame-Options", "DENY"),
    ("X-Request-Id", "1"),
]


class Socket:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))


def reply(kind: Any, headers: list[tuple[str, str]], *body: bytes, method: str = "GET") -> Socket:
    """All that is sent for one request, a piece for each call."""
    sock = Socket()
    request = SimpleNamespace(version=(1, 1), method=method, should_close=lambda: False)
    made = kind(request, sock, SimpleNamespace())
    made.start_response("200 OK", headers)
    for piece in body:
        made.write(piece)
    made.close()
    return sock


def dateless(socket: Socket) -> list[bytes]:
    lines = b"".join(socket.sent).split(b"\r\n")
    return sorted(line for line in lines if not line.startswith(b"Date: "))


@pytest.mark.parametrize("body", [(b"done",), (b"do", b"ne"), (b"done and more",), (), (b"",)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("length", [True, False])
def test_it_is_what_gunicorn_sends(body: tuple[bytes, ...], method: str, length: bool) -> None:
    headers = [pair for pair in HEADERS if length or pair[0] != "Content-Length"]
    ours, its = (reply(kind, headers, *body, method=method) for kind in (Reply, wsgi.Response))
    assert dateless(ours) == dateless(its)


def test_a_date_is_written_as_gunicorn_writes_it() -> None:
    for moment in (0, 1_700_000_000, 1_700_000_000.9, 1_700_000_001):
        assert _date(moment) == util.http_date(moment)
    assert abs((parsedate_to_datetime(_date()) - datetime.now(UTC)).total_seconds()) < 60


def test_a_small_answer_leaves_in_one_piece() -> None:
    assert len(reply(Reply, HEADERS, b"done").sent) == 1


@pytest.mark.parametrize("name", ["X-Own", "Location", "Set-Cookie"])
def test_a_line_break_is_refused_each_time(name: str) -> None:
    for _ in range(2):
        with pytest.raises(InvalidResponseHeader):
            reply(Reply, [(name, "a\r\nSet-Cookie: b")])
        with pytest.raises(InvalidResponseHeaderName):
            reply(Reply, [("X Own", "a")])


def test_what_concerns_the_connection_is_left_to_gunicorn_each_time() -> None:
    for _ in range(2):
        headers = [("Connection", "close"), ("Keep-Alive", "1"), ("content-length", "4")]
        ours, its = (reply(kind, headers, b"done") for kind in (Reply, wsgi.Response))
        assert dateless(ours) == dateless(its)
