"""Whether a part answers now: one short question each, over the wire it serves."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

_SECONDS = 2.0
_LONGEST_ANSWER = 65_536


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
    answer = _get(port, target, host)
    return answer[0] if answer else None


def unwell_parts(port: int, host: str) -> dict[str, str]:
    """Which parts /readyz calls other than `ok`: what it calls each, by name."""
    answer = _get(port, "/readyz", host)
    try:
        parts = json.loads(answer[1])["parts"] if answer else {}
        found = {str(name): str(part["status"]) for name, part in parts.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        # A proxy's page, or a refusal to tell: nothing is known.
        return {}
    return {name: status for name, status in found.items() if status != "ok"}


def _get(port: int, target: str, host: str) -> tuple[int, bytes] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", target, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
