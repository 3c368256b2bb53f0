"""What a worker tells its own processes and the embedded stack. Knows neither Celery nor jobs."""

from __future__ import annotations

import mmap
import struct
import time

READY_FILE = "worker.ready"
"""In the stack's `run` folder: the worker has proved that it can work."""
COURIER_READY_FILE = "courier.ready"
"""The same of the worker that calls webhooks."""

_MOMENT = struct.Struct("d")


class Stopping:
    """A moment on a page of memory that a process shares with all it forks afterwards.

    The kernel counts one monotonic time for all processes (clock_gettime(2)).
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _MOMENT.size)

    def ask(self) -> None:
        """A stop was asked for now; the first time counts."""
        if self.since() is None:
            _MOMENT.pack_into(self._page, 0, time.monotonic())

    def since(self) -> float | None:
        """Seconds since a stop was asked for; None when it was not."""
        (asked,) = _MOMENT.unpack_from(self._page, 0)
        return time.monotonic() - asked if asked else None
