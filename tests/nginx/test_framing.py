"""One truth about where a request ends: row 43 of the hostile inputs, through nginx to the app."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.nginx import Nginx
from tests.support.people import PATIENCE
from tests.support.stack import Stack
from tests.support.waiting import eventually

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

START = b"POST /csp-reports HTTP/1.1\r\nHost: uploads.test\r\n"
INSIDE = b"GET /inside HTTP/1.1\r\nHost: uploads.test\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(INSIDE)

REFUSED: dict[str, bytes] = {
    "length and coding": LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "coding and length": b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n0\r\n\r\n" + INSIDE,
    "two lengths": LENGTH + b"Content-Length: 0\r\n\r\n" + INSIDE,
    "the same length twice": LENGTH + LENGTH + b"\r\n" + INSIDE,
    "a list of lengths": b"Content-Length: 0, 0\r\n\r\n" + INSIDE,
    "a signed length": b"Content-Length: +5\r\n\r\n" + INSIDE,
    "a negative length": b"Content-Length: -1\r\n\r\n" + INSIDE,
    "a hexadecimal length": b"Content-Length: 0x2b\r\n\r\n" + INSIDE,
    "an empty length": b"Content-Length: \r\n\r\n" + INSIDE,
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "two coding headers": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    b"0\r\n\r\n" + INSIDE,
    "identity": b"Transfer-Encoding: identity\r\n\r\n" + INSIDE,
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "a folded header": b"A: b\r\n c\r\n\r\n" + INSIDE,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + INSIDE,
    "a NUL in a value": b"A: b\0c\r\n\r\n" + INSIDE,
    "a bare return in a value": b"A: b\rTransfer-Encoding: chunked\r\n\r\n" + INSIDE,
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + INSIDE,
    "a chunk size that overflows": b"Transfer-Encoding: chunked\r\n\r\n"
    b"fffffffffffffffff\r\n" + INSIDE,
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + INSIDE,
    "a chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"
    + INSIDE,
}


def answers(received: bytes) -> list[int]:
    """The statuses of all answers in what was received."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize("case", REFUSED)
def test_a_garbled_frame_is_one_refusal(nginx: Nginx, proxied: Stack, case: str) -> None:
    """400, the connection closed, and nothing behind it taken for a request of its own."""
    seen = proxied.log.stat().st_size
    received = nginx.everything(START + REFUSED[case])
    assert answers(received) == [400], received
    assert b"Connection: close" in received
    assert "/inside" not in nginx.log()
    # nginx notes a request when it has closed both sides: the app may have noted it before.
    eventually(lambda: not unknown_to_nginx(nginx, proxied, seen), PATIENCE)


def unknown_to_nginx(nginx: Nginx, stack: Stack, since: int) -> set[str]:
    """Requests that the app has seen on the socket, and nginx has never sent."""
    with stack.log.open("rb") as log:
        log.seek(since)
        whole = [line for line in log if line.startswith(b"{") and line.endswith(b"\n")]
    lines = [json.loads(line) for line in whole]
    ids = {str(line["request_id"]) for line in lines if line.get("event") == "request"}
    known = nginx.log()
    return {one for one in ids if one not in known}


def test_a_body_that_looks_like_a_request_is_a_body(nginx: Nginx, proxied: Stack) -> None:
    """Framed as it should be, it stays inside of its own request."""
    seen = proxied.log.stat().st_size
    kind = b"Content-Type: application/csp-report\r\nConnection: close\r\n"
    received = nginx.everything(START + kind + LENGTH + b"\r\n" + INSIDE)
    assert answers(received) == [400]
    assert "/inside" not in nginx.log()
    # The id stands in nginx's log as soon as it has closed its side.
    eventually(lambda: not unknown_to_nginx(nginx, proxied, seen), PATIENCE)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    "value", [b"chunked", b"Chunked", b"CHUNKED", b"  chunked\t", b"\tchunked "]
)
def test_chunked_is_chunked_however_it_is_written(nginx: Nginx, value: bytes) -> None:
    """White space and case (RFC 9112 section 7) lead to one end; then comes the next request."""
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(INSIDE), INSIDE)
    head = START + b"Content-Type: application/csp-report\r\nTransfer-Encoding:" + value
    last = b"GET /livez HTTP/1.1\r\nHost: uploads.test\r\nConnection: close\r\n\r\n"
    received = answers(nginx.everything(head + b"\r\n\r\n" + body + last))
    # Refused with or without a close; in no case is there a third answer.
    assert received in ([400, 404], [400])
    assert "/inside" not in nginx.log()


@pytest.mark.usefixtures("proxied")
def test_a_coding_in_an_old_version_is_refused(nginx: Nginx) -> None:
    """HTTP/1.0 knows no transfer codings (RFC 9112 section 6.1)."""
    head = START.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n"
    assert answers(nginx.everything(head + b"0\r\n\r\n" + INSIDE)) == [400]


@pytest.mark.usefixtures("proxied")
def test_requests_in_one_go_are_answered_one_by_one(nginx: Nginx) -> None:
    """Pipelining is kept apart, each request with an id of its own."""
    one = b"GET /nowhere HTTP/1.1\r\nHost: uploads.test\r\n"
    received = nginx.everything((one + b"\r\n") * 2 + one + b"Connection: close\r\n\r\n")
    assert answers(received) == [404] * 3
    assert len(set(re.findall(rb"X-Request-Id: (\w+)", received, re.IGNORECASE))) == 3
