"""What a worker tells its own processes and the embedded stack. Knows neither Celery nor jobs."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from types import FrameType

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


def end_within(seconds: float) -> None:
    """End this process after that time, whatever it waits for. For the main thread alone.

    A stop of Celery waits for the broker: a Redis that took the connection and says nothing holds
    it for ever. Jobs are in the database, and were handed back by then.
    """
    signal.signal(signal.SIGALRM, _cut_short)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _cut_short(number: int, frame: FrameType | None) -> None:
    del number, frame
    # Should even these words wait for their reader, the next one ends it without any.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 1)
    # Not by the log: who was interrupted may hold its lock.
    os.write(2, b'{"event": "stop_cut_short", "level": "error", "program": "worker"}\n')
    os._exit(1)
