"""Ties a process to its parent: when the parent is killed, the kernel kills the child at once.

Without it, `kill -9` of a supervisor, of gunicorn's master or of Celery's main process would
leave children behind that go on working on the same data. Linux only (prctl(2)); knows nothing
of what the processes do.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel for SIGKILL as soon as the parent ends, however it ends.

    To be called in the child, right after the fork. `parent` is the parent's process id as it was
    before the fork; given it, a parent that ended even before the kernel was asked is noticed.
    """
    parent = os.getppid() if parent is None else parent
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
