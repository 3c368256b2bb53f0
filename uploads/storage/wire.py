"""Requests to a server over HTTP/1.1, with little between memory and socket.

Kept connections, several pieces a system call, the answer read by llhttp (`httptools`). A client
library in between costs more than the store needs to keep a small file. Knows nothing of S3.
"""

from __future__ import annotations

import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools

from uploads.waiting import answers_of

CONNECT_SECONDS = 2.0
SILENCE_SECONDS = 30.0
_MOST_IDLE = 16
_ANSWER_BYTES = 256 * 1024
# What one system call is given; Linux takes at most 1024 buffers (UIO_MAXIOV).
_TOGETHER_BYTES = 1024 * 1024
_TOGETHER_PIECES = 512
_FIELDS = frozenset({b"content-length", b"content-range", b"last-modified"})
_PORTS = {"http": 80, "https": 443}


class Broken(Exception):
    """Raised when no whole answer came."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(type(cause).__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's status and its body, and of GET and HEAD its fields, as far as they are of use.

    Their names are in lower case.
    """

    status: int
    body: bytes
    fields: Mapping[str, str] = field(default_factory=dict)


class Wire:
    """Connections to the server at `endpoint`, kept and used again; safe among threads."""

    def __init__(self, endpoint: str, *, most_idle: int = _MOST_IDLE) -> None:
        self._to = urlsplit(endpoint)
        self._tls = ssl.create_default_context() if self._to.scheme == "https" else None
        self._idle: deque[_Connection] = deque(maxlen=most_idle)
        weakref.finalize(self, _close_all, self._idle)

    def put(self, url: str, headers: Mapping[str, str], body: Iterable[bytes], size: int) -> Answer:
        """PUT `size` bytes; `body` is iterated anew where a kept connection turns out to be dead.

        Raises Broken, and whatever `body` raises.
        """
        head = _head(self._to, "PUT", url, {"Content-Length": str(size), **headers})
        return self._ask(head, body, _Reading)

    def head(self, url: str) -> Answer:
        """What a GET would tell in its header. Raises Broken."""
        return self._ask(_head(self._to, "HEAD", url, {}), (), _ReadingHead)

    def first(self, url: str, headers: Mapping[str, str], size: int) -> Answer:
        """GET, of which only the first `size` bytes are read where there are more.

        Of an answer that is none of success the whole body is. Raises Broken.
        """
        return self._ask(_head(self._to, "GET", url, headers), (), lambda: _ReadingFirst(size))

    def _ask(self, head: bytes, body: Iterable[bytes], reading: Callable[[], _Reading]) -> Answer:
        while True:
            connection, fresh = self._take()
            try:
                return self._exchange(connection, head, body, reading())
            except (OSError, httptools.HttpParserError) as error:
                if fresh:
                    raise Broken(error) from error
                # The server may have ended a kept one while nobody used it, and so those beside it.
                # One that is silent would be waited for as often as there are kept ones.
                _close_all(self._idle)

    def _exchange(
        self, connection: _Connection, head: bytes, body: Iterable[bytes], reading: _Reading
    ) -> Answer:
        try:
            answer = connection.exchange(head, body, reading)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._keep(connection)
        else:
            connection.close()
        return answer

    def _take(self) -> tuple[_Connection, bool]:
        with suppress(IndexError):
            return self._idle.pop(), False
        try:
            return _Connection(self._connect()), True
        except OSError as error:
            raise Broken(error) from error

    def _keep(self, connection: _Connection) -> None:
        if len(self._idle) == self._idle.maxlen:
            with suppress(IndexError):
                self._idle.popleft().close()
        self._idle.append(connection)

    def _connect(self) -> socket.socket:
        host = self._to.hostname or ""
        port = self._to.port or _PORTS[self._to.scheme]
        sock = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=host)
            sock.settimeout(SILENCE_SECONDS)
        except BaseException:
            sock.close()
            raise
        return sock


def _close_all(connections: deque[_Connection]) -> None:
    while connections:
        connections.pop().close()


class _Connection:
    """One connection, which carries one request after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._recv = answers_of(sock)
        self._send = self._sendmsg if not isinstance(sock, ssl.SSLSocket) else self._send_joined
        self.reusable = False

    def close(self) -> None:
        self._sock.close()

    def exchange(self, head: bytes, body: Iterable[bytes], reading: _Reading) -> Answer:
        """Send a request and read its answer; one that comes early ends the sending.

        Raises OSError and HttpParserError.
        """
        whole = False
        with suppress(ConnectionError):
            for pieces in _together(head, body):
                self._send(pieces)
            whole = True
        # Also where the server refused before it had read everything: what did it say?
        answer = self._answer(reading)
        self.reusable = whole and reading.goes_on
        return answer

    def _answer(self, reading: _Reading) -> Answer:
        parser = reading.parser
        while not reading.complete:
            data = self._recv(65536)
            if not data:
                raise ConnectionResetError("the answer was cut off")
            parser.feed_data(data)
            if reading.size > reading.longest:
                raise ConnectionAbortedError("the answer is too long")
        del reading.parser  # they know each other, and nobody else knows them
        return Answer(parser.get_status_code(), b"".join(reading.pieces), reading.fields)

    def _sendmsg(self, pieces: list[Any]) -> None:
        while pieces:
            sent = self._sock.sendmsg(pieces)
            while pieces and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if sent:
                pieces[0] = memoryview(pieces[0])[sent:]

    def _send_joined(self, pieces: list[Any]) -> None:
        self._sock.sendall(b"".join(pieces))


class _Reading:
    """What llhttp has read of an answer so far; of a body that is `longest` it reads no more."""

    longest = _ANSWER_BYTES

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.complete = False
        self.goes_on = False
        """Whether another request may follow on this connection."""
        self.fields: dict[str, str] = {}
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def on_message_complete(self) -> None:
        self.complete = True
        self.goes_on = self.parser.should_keep_alive()  # it forgets afterwards


class _ReadingFields(_Reading):
    """An answer of which it matters what it says of the body."""

    def on_header(self, name: bytes, text: bytes) -> None:
        name = name.lower()
        if name in _FIELDS:
            self.fields[name.decode()] = text.decode("latin-1")


class _ReadingHead(_ReadingFields):
    """The answer to HEAD: it ends with its header, whatever length that tells."""

    def on_headers_complete(self) -> None:
        self.complete = True
        self.goes_on = self.parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        # A server that sends one all the same: what else of it comes is no answer to anything.
        self.goes_on = False

    def on_message_complete(self) -> None:
        """Nothing more than the header's end has said."""


class _ReadingFirst(_ReadingFields):
    """An answer of success of which no more than `most` bytes are wanted."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.longest = max(most, _ANSWER_BYTES)

    def on_body(self, piece: bytes) -> None:
        if self.parser.get_status_code() < 300:
            piece = piece[: self._most - self.size]
        super().on_body(piece)
        if self.size >= self._most and self.parser.get_status_code() < 300:
            # Unless the message ends here as well, the rest of it stands before any other answer.
            self.complete = True


def _head(to: SplitResult, method: str, url: str, headers: Mapping[str, str]) -> bytes:
    target = url.partition(to.netloc)[2]
    lines = [f"{method} {target} HTTP/1.1", f"Host: {to.netloc}"]
    lines += [f"{name}: {text}" for name, text in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _together(head: bytes, body: Iterable[bytes]) -> Iterator[list[Any]]:
    """The head and the pieces, so many at a time as one system call should take."""
    pieces: list[Any] = [head]
    held = 0
    for piece in body:
        pieces.append(piece)
        held += len(piece)
        if held >= _TOGETHER_BYTES or len(pieces) >= _TOGETHER_PIECES:
            yield pieces
            pieces, held = [], 0
    if pieces:
        yield pieces
