"""Whether a part answers now: one short question each, over the wire it serves."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

_SECONDS = 2.0


def redis_answers(path: Path) -> bool:
    """Whether Redis answers PING on this socket; not while it is loading its data."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def http_status(port: int, target: str, host: str) -> int | None:
    """The status of a GET to 127.0.0.1, or None when there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", target, headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
