"""Heads of requests that come a few bytes at a time: read as ever, and not again for each byte."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.parser import RequestParser

from uploads.serving import Log, Worker, _Asked

HEAD = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n"


class Counting(_Asked):
    """Counts how often gunicorn looks through what it has."""

    looks = 0

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        type(self).looks += 1
        super().read_into(unreader, buf, stop)


def parsed(pieces: Iterable[bytes]) -> Any:
    parser = RequestParser(Config(), pieces, ("127.0.0.1", 1))
    parser.mesg_class = Counting
    Counting.looks = 0
    return next(parser)


def drip(head: bytes) -> list[bytes]:
    return [head[at : at + 1] for at in range(len(head))]


@pytest.mark.parametrize("head", [HEAD, b"\r\n" + HEAD, b"GET / HTTP/1.1\r\n\r\n"])
def test_a_head_that_drips_is_read_as_a_whole_one(head: bytes) -> None:
    whole, dripped = parsed([head]), parsed(drip(head))
    assert (dripped.method, dripped.uri, dripped.headers) == (
        whole.method,
        whole.uri,
        whole.headers,
    )


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"GET / HTTP/1.1\n", errors.InvalidRequestLine),
        (b"GET / HTTP/1.1\r\nHost: x\n", errors.InvalidHeader),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\n", errors.InvalidHeader),
        (b"GET /" + b"a" * 9000, errors.LimitRequestLine),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, errors.LimitRequestHeaders),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 12_000, errors.LimitRequestHeaders),
    ],
)
def test_what_is_wrong_is_told_before_the_head_ends(head: bytes, error: type[Exception]) -> None:
    """Nobody waits for more of it: the source would end otherwise, and that is another error."""
    with pytest.raises(error):
        parsed(drip(head))


@pytest.mark.parametrize("name", ["Content-Disposition", "IDEMPOTENCY-KEY", "authorization"])
def test_what_would_be_joined_to_something_else_comes_once(name: str) -> None:
    line = f"{name}: a\r\n".encode()
    assert parsed([HEAD[:-2] + line + b"\r\n"]).headers[-1] == (name.upper(), "a")
    with pytest.raises(errors.InvalidHeader):
        parsed([HEAD[:-2] + line + line + b"\r\n"])


@pytest.mark.parametrize("filling", [b"a", b"\r\n\r", b"X: a\r\n"])
def test_each_byte_is_looked_through_once(filling: bytes) -> None:
    """Half a head of 60 KB and then a byte a packet took 0.2 ms of a process for each."""
    head = b"GET / HTTP/1.1\r\nX: " + (filling * 20_000)[:20_000]
    with pytest.raises(errors.NoMoreData):
        parsed(drip(head))
    assert Counting.looks < 10


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", ""])
def test_what_cannot_be_read_is_not_quoted_in_the_log(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A header that is broken in the middle is a key or a cookie without its name."""
    log = object.__new__(Log)
    log.error_log = logging.getLogger("gunicorn.error.tests")
    worker, error = SimpleNamespace(log=log), errors.InvalidHeader("a-s3cret\n: of somebody")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Worker.handle_error(worker, None, ours, (address, 1), error)
    assert [one.getMessage() for one in caplog.records] == [f"Invalid request from ip={address}"]
