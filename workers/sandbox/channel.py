"""What worker and template say to each other: lines of JSON, and open files beside them.

One line is answered before the next is sent, but for the order to kill. Both ends are ours.

Source: unix(7), SCM_RIGHTS.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

_PIECE = 64 * 1024
_FILES = 3  # at most, beside one line


class Channel:
    """One end of a connected pair of stream sockets."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._heard = b""
        self._files: list[int] = []

    def fileno(self) -> int:
        """The descriptor, to wait on: readable once something was said or the other end closed."""
        return self._end.fileno()

    def send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        """Say one thing, and hand over these descriptors with it. Raises OSError."""
        line = json.dumps(message).encode() + b"\n"
        sent = socket.send_fds(self._end, [line], files)
        self._end.sendall(line[sent:])

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], list[int]] | None:
        """Return what was said and the descriptors that came with it, or None at the end.

        Raises TimeoutError when nothing came in so many seconds, and OSError.
        """
        self._end.settimeout(seconds)
        while b"\n" not in self._heard:
            piece, files, _, _ = socket.recv_fds(self._end, _PIECE, _FILES)
            if not piece:
                return None
            self._heard += piece
            self._files += files
        line, _, self._heard = self._heard.partition(b"\n")
        files, self._files = self._files, []
        return json.loads(line), files

    def close(self) -> None:
        """Hang up: the other end hears the end."""
        self._end.close()
