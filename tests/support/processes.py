"""Processes that stand still, as they do when their machine swaps: they hang, and nothing ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil


@contextmanager
def standing_still(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """SIGSTOP to all of them, and SIGCONT in the end."""
    stopped = []
    try:
        for process in processes:
            process.suspend()
            stopped.append(process)
        yield
    finally:
        for process in stopped:
            process.resume()
