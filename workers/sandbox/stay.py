"""How a child is handed one file after the other: both ends of its desk.

The template hands over, with each file, new pipes for the log and the reply. So nothing that a
child wrote for one file can be taken for an answer to the next. The child lets go of all of them
before it says that it is done. Knows nothing of tasks.

Source: unix(7), SCM_RIGHTS.
"""

from __future__ import annotations

import gc
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

FILES = 16  # of one child, at most
DESK = 4  # the descriptor of the child's end
DONE = b"."
_GIVEN = (0, 1, 2, 3)  # file, log twice, reply
_PIECE = 64 * 1024


def hand_over(desk: socket.socket, options: dict[str, Any], files: Sequence[int]) -> None:
    """Give a child that rests its next file: the file itself, reply and log.

    Raises OSError, and then the child has not begun with it.
    """
    file, reply, log = files
    line = json.dumps(options).encode() + b"\n"
    sent = socket.send_fds(desk, [line], [file, log, log, reply])
    # All was mostly sent. It may have begun then, and be dead of it: to send nothing would fail.
    if sent < len(line):
        desk.sendall(line[sent:])


class Desk:
    """The child's end, at `DESK`; its process may have so many files open."""

    def __init__(self, open_files: int) -> None:
        # Told what it is: to ask the kernel would be a call that a confined child does not have.
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=DESK)
        self._open_files = range(len(_GIVEN), open_files)
        self._kept = self._are_open()

    def next(self) -> dict[str, Any] | None:
        """Let go of the last file, and wait for another: its options, None when there is none.

        Its descriptors are the same ones again. A parser that left one open has had its last file.
        """
        gc.collect()
        for one in _GIVEN:
            os.close(one)
        if self._are_open() != self._kept:
            return None
        os.write(DESK, DONE)
        line = b""
        given: list[int] = []
        while not line.endswith(b"\n"):
            piece, files, _, _ = socket.recv_fds(self._end, _PIECE, len(_GIVEN))
            if not piece:
                return None
            line, given = line + piece, given + files
        assert tuple(given) == _GIVEN
        options: dict[str, Any] = json.loads(line)
        return options

    def _are_open(self) -> list[int]:
        return [one for one in self._open_files if _is_open(one)]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
