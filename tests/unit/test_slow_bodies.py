"""Bodies that come slowly or not at all, over a real socket and gunicorn's own readers."""

from __future__ import annotations

import select
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Request
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader
from werkzeug.test import EnvironBuilder

from uploads import bodies, deadlines, inbound
from uploads.deadlines import Pace
from uploads.documents.errors import SizeMismatch
from uploads.documents.streams import metered

LENGTH = 64 * 1024  # less than a socket holds


class Line:
    """A request whose body comes over a socket: `client` is its far end."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.client, self._server = socket.socketpair()
        line = deadlines.Line(self._server)
        self.body = Body(LengthReader(SocketUnreader(line), LENGTH))
        environ = EnvironBuilder(method="POST").get_environ()
        environ["CONTENT_LENGTH"] = str(LENGTH)
        environ["wsgi.input"] = self.body
        environ["gunicorn.socket"] = line
        bodies.wrap(environ, pace)
        self.request = Request(environ)
        self._over = threading.Event()
        self._dripping = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        with suppress(BrokenPipeError):
            while not self._over.wait(0.05):
                self.client.sendall(b"x")

    def drip(self) -> None:
        """Send a byte now and then, for ever: who comes to an end has not waited for all."""
        self._dripping.start()

    def close(self) -> None:
        self._over.set()
        if self._dripping.is_alive():
            self._dripping.join()
        self.client.close()
        self._server.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_what_came_with_the_headers_and_after_them_is_one_piece(line: Line) -> None:
    line.body.reader.unreader.unread(b"with them")
    line.client.sendall(b", after them")
    body = bodies.inbound(line.request)
    assert body.piece() == b"with them, after them"
    line.client.sendall(b", later")
    assert body.piece() == b", later"


def test_what_came_with_the_headers_waits_for_nothing(line: Line) -> None:
    line.body.reader.unreader.unread(b"with them")
    body = bodies.inbound(line.request)
    assert body.piece() == b"with them"
    line.client.close()
    with pytest.raises(SizeMismatch):
        body.piece()


def test_what_came_with_the_headers_is_never_more_than_the_body(line: Line) -> None:
    line.body.reader.unreader.unread(bytes(LENGTH - 1))
    line.client.sendall(b"1GET / HTTP/1.1")
    body = bodies.inbound(line.request)
    assert len(body.piece()) == LENGTH
    assert body.exhausted
    assert line._server.recv(99) == b"GET / HTTP/1.1"


def test_a_client_that_reads_a_little_makes_room_for_a_little() -> None:
    """The kernel gathers no megabytes that would have to drain before anything more is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.connect(server.getsockname())
        client.settimeout(60)
        sock, _ = server.accept()
        with sock:
            line, sent, read = deadlines.Line(sock), 0, 0
            sock.setblocking(False)
            for _ in range(20):
                while select.select([], [sock], [], 0)[1]:
                    sent += sock.send(bytes(64 * 1024))
                assert sent - read < 1024 * 1024
                before = read
                while not select.select([], [sock], [], 0)[1]:
                    read += len(client.recv(32 * 1024))
                    assert read - before <= 512 * 1024
            assert line.received == 0


def test_a_body_that_never_comes_is_given_up() -> None:
    """An upload is bounded by the client's silence."""
    silent = Line()
    with pytest.raises(SizeMismatch):
        list(bodies.raw_pieces(silent.request, 0.2))
    assert silent.body.failed
    silent.close()


def test_a_form_that_drips_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small body must be there as a whole in time: a byte now and then holds no thread."""
    monkeypatch.setattr(inbound, "_SMALL_SECONDS", 0.3)
    line.drip()
    began = time.monotonic()
    with pytest.raises(SizeMismatch):
        line.request.get_data()
    assert time.monotonic() - began >= 0.3
    assert line.body.failed, "the rest of it must not be taken for another request"


def test_a_small_form_that_drips_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries no upload has no upload's patience, though it is read in parts."""
    monkeypatch.setattr(inbound, "_SMALL_SECONDS", 0.3)
    line.request.environ["CONTENT_TYPE"] = "multipart/form-data; boundary=x"
    line.drip()
    with pytest.raises(SizeMismatch):
        list(bodies.small_form_parts(line.request, 1000))


def test_an_upload_slower_than_the_pace_is_given_up() -> None:
    """An upload may be slow, but not slower than any line is: a byte now and then is no upload."""
    line = Line(Pace(rate=1000, seconds=0.5))
    line.drip()
    with pytest.raises(SizeMismatch):
        list(bodies.raw_pieces(line.request, 30))
    assert line.body.failed
    line.close()


def test_an_upload_that_keeps_the_pace_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Window after window; nothing is owed to the first."""
    half_minutes = count(step=30)
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: next(half_minutes)))
    line = Line(Pace(rate=10, seconds=60))
    pieces = bodies.raw_pieces(line.request, 30)
    for size in (6000, *[600] * 6):
        line.client.sendall(bytes(size))
        assert len(next(pieces)) == size
    assert not line.body.failed
    line.close()


def test_waiting_for_ourselves_is_not_the_clients_slowness(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: now))
    line = Line(Pace(rate=1000, seconds=60))
    pieces = bodies.raw_pieces(line.request, 30)
    line.client.sendall(b"x")
    assert next(pieces) == b"x"
    now += 3600
    line.client.sendall(bytes(LENGTH - 1))
    line.client.shutdown(socket.SHUT_WR)
    assert sum(len(piece) for piece in pieces) == LENGTH - 1
    line.close()


def test_a_refused_client_that_drips_is_not_waited_for(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_LINGER_SECONDS", 0.3)
    line.drip()
    bodies.inbound(line.request).linger()
    assert line.body.failed


def test_a_slow_uploads_pieces_come_out_as_they_arrive(line: Line) -> None:
    """What has come is handed on before the rest is there."""
    pieces = bodies.raw_pieces(line.request, 30)
    for sent in (b"one", b"two"):
        line.client.sendall(sent)
        assert next(pieces) == sent
    sending = threading.Thread(target=line.client.sendall, args=(bytes(LENGTH - 6),))
    sending.start()
    assert sum(len(piece) for piece in pieces) == LENGTH - 6
    sending.join()
    assert not line.body.failed


def test_what_follows_a_body_is_left_for_the_next_request(line: Line) -> None:
    """Bytes that the header parser had read beyond the headers are the body's, and no more."""
    following = b"GET / HTTP/1.1"
    line.body.reader.unreader.unread(bytes(LENGTH) + following)
    assert sum(len(piece) for piece in bodies.raw_pieces(line.request, 30)) == LENGTH
    assert line.body.reader.unreader.take_buffered() == following
    assert line.body.read(1) == b""


def test_what_is_too_little_to_be_woken_for_is_not_lost(line: Line) -> None:
    """A slow client gathers in the kernel; when the time is up, what is there is taken."""
    pieces = bodies.raw_pieces(line.request, 0.5)
    for _ in range(4):
        line.client.sendall(bytes(100))
        assert len(next(pieces)) == 100
    line.client.sendall(bytes(LENGTH - 400))
    assert sum(len(piece) for piece in pieces) == LENGTH - 400
    assert not line.body.failed


def test_nobody_keeps_a_piece_while_waiting_for_the_next(line: Line) -> None:
    """Thousands wait at any time: each would hold what it has already handed on."""

    class Piece:
        """Like bytes, which cannot be watched."""

        def __len__(self) -> int:
            return 10

    held: list[Any] = [Piece(), Piece(), Piece()]
    watched = [weakref.ref(one) for one in held]
    gone: list[bool] = []

    def piece() -> Any:
        gone.append(all(one() is None for one in watched[: len(watched) - len(held)]))
        return held.pop(0) if held else b""

    total = 0
    for one in metered(iter(piece, b""), 1000):
        total += len(one)
        del one
    assert total == 30
    assert gone == [True] * 4
