"""Bodies that come slowly or not at all, over a real socket and gunicorn's own readers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Request
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader
from werkzeug.test import EnvironBuilder

from uploads import bodies
from uploads.documents.errors import SizeMismatch

LENGTH = 2 * bodies.PIECE
AT_ONCE = 3.0


class Line:
    """A request whose body comes over a socket: `client` is its far end."""

    def __init__(self, silence_seconds: float = 30) -> None:
        self.client, self._server = socket.socketpair()
        self.body = Body(LengthReader(SocketUnreader(self._server), LENGTH))
        environ = EnvironBuilder(method="POST").get_environ()
        environ["CONTENT_LENGTH"] = str(LENGTH)
        environ["wsgi.input"] = self.body
        environ["gunicorn.socket"] = self._server
        bodies.wrap(environ, silence_seconds)
        self.request = Request(environ)
        self._over = threading.Event()
        self._dripping = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        with suppress(BrokenPipeError):
            while not self._over.wait(0.05):
                self.client.sendall(b"x")

    def drip(self) -> None:
        """Send a byte now and then, for ever."""
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


def test_a_body_that_never_comes_is_given_up() -> None:
    """Every route's body is bounded by the client's silence, whoever reads it."""
    silent, began = Line(silence_seconds=0.2), time.monotonic()
    with pytest.raises(SizeMismatch):
        silent.request.get_data()
    assert time.monotonic() - began < AT_ONCE
    assert silent.body.failed
    silent.close()


def test_a_form_that_drips_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small body must be there as a whole in time: a byte now and then holds no thread."""
    monkeypatch.setattr(bodies, "_SMALL_SECONDS", 0.3)
    line.drip()
    began = time.monotonic()
    with pytest.raises(SizeMismatch):
        line.request.get_data()
    assert 0.3 <= time.monotonic() - began < AT_ONCE
    assert line.body.failed, "the rest of it must not be taken for another request"


def test_a_small_form_that_drips_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries no upload has no upload's patience, though it is read in parts."""
    monkeypatch.setattr(bodies, "_SMALL_SECONDS", 0.3)
    line.request.environ["CONTENT_TYPE"] = "multipart/form-data; boundary=x"
    line.drip()
    began = time.monotonic()
    with pytest.raises(SizeMismatch):
        list(bodies.small_form_parts(line.request, 1000))
    assert time.monotonic() - began < AT_ONCE


def test_an_upload_that_drips_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload may be slow, but each piece has an end."""
    monkeypatch.setattr(bodies, "_SMALL_SECONDS", 0.1)
    monkeypatch.setattr(bodies, "_PIECE_SECONDS", 0.5)
    line.drip()
    began = time.monotonic()
    with pytest.raises(SizeMismatch):
        list(bodies.raw_pieces(line.request, 30))
    assert 0.5 <= time.monotonic() - began < AT_ONCE


def test_a_refused_client_that_drips_is_not_waited_for(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_LINGER_SECONDS", 0.3)
    line.drip()
    began = time.monotonic()
    bodies.inbound(line.request).linger()
    assert time.monotonic() - began < AT_ONCE
    assert line.body.failed


def test_a_slow_uploads_pieces_come_out_as_they_arrive(line: Line) -> None:
    """What has come is handed on before the rest is there."""
    pieces = bodies.raw_pieces(line.request, 30)
    sending = threading.Thread(target=line.client.sendall, args=(bytes(bodies.PIECE),))
    sending.start()
    assert len(next(pieces)) == bodies.PIECE
    sending.join()
    sending = threading.Thread(target=line.client.sendall, args=(bytes(bodies.PIECE),))
    sending.start()
    assert sum(len(piece) for piece in pieces) == bodies.PIECE
    sending.join()
    assert not line.body.failed
