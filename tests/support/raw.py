"""HTTP by a plain socket: for requests that no client library would send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 180


@dataclass(frozen=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.json["code"])

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def exchange(port: int, pieces: Iterable[bytes]) -> Answer:
    """Send the pieces as they are, as far as the server takes them, and read one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        return exchange_on(connection, pieces)


def exchange_on(connection: socket.socket, pieces: Iterable[bytes]) -> Answer:
    """The same on a connection that is there already."""
    try:
        for piece in pieces:
            connection.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        # Refused early: the answer is there to be read.
        pass
    return answer(connection)


def answer(connection: socket.socket) -> Answer:
    """Read one answer."""
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def chunked(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """A body in the chunked transfer coding (RFC 9112, section 7.1)."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


BOUNDARY = "a-boundary-of-our-own"


def form(*parts: tuple[bytes, bytes]) -> bytes:
    """A multipart/form-data body of (Content-Disposition, content) pairs, exactly as given."""
    lines = [
        b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), disposition, content)
        for disposition, content in parts
    ]
    return b"".join(lines) + b"--%b--\r\n" % BOUNDARY.encode()


FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
