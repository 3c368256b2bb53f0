"""Ends what a client draws out. A socket's own timeout bounds each silence, not their sum.

Knows nothing of bodies or of HTTP: whoever reads inside of `within` finds the end of the stream
when the time is up.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watch:
    """One thread that stops the reading of sockets whose time is up; started at its first use."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: dict[object, tuple[float, socket.socket]] = {}
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, sock: socket.socket, seconds: float) -> Iterator[None]:
        """After so many seconds in here `sock` gives no more than what has already arrived."""
        ticket, end = object(), time.monotonic() + seconds
        with self._changed:
            self._ends[ticket] = (end, sock)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if end < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._ends.pop(ticket, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for ticket, (end, sock) in list(self._ends.items()):
                    if end <= now:
                        del self._ends[ticket]
                        _stop_reading(sock)
                self._wakes_at = min((end for end, _ in self._ends.values()), default=math.inf)
                self._changed.wait(None if self._wakes_at == math.inf else self._wakes_at - now)


def _stop_reading(sock: socket.socket) -> None:
    """The answer can still be sent; a socket that is gone already is fine."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
