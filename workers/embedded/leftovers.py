"""Ends what an earlier run on the same data left behind when it was killed.

Children die with the supervisor, so there is nothing to do but after the rarest of deaths. A
process is ours when its environment carries the mark of this data folder; the mark is read again
after the process was pinned by a descriptor, so that a reused process id is never hit.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from workers.embedded.part import StackError

_MARK = "UPLOADS_STACK"
_WAIT_SECONDS = 10.0


def mark(data: Path) -> Mapping[str, str]:
    """The environment variable that every process of the stack on this folder carries."""
    return {_MARK: str(data)}


def end_leftovers(data: Path) -> int:
    """Kill what still carries the mark of this folder; returns how many there were.

    Only to be called by the holder of the folder's lock. Raises StackError when one does not end.
    """
    wanted = f"{_MARK}={data}".encode()
    count = 0
    for pid in _others():
        if not _carries(pid, wanted):
            continue
        with _pinned(pid) as pinned:
            if pinned is not None and _carries(pid, wanted):
                _end(pid, pinned)
                count += 1
    return count


def _others() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (os.getpid(), os.getppid()):
            yield int(entry.name)


def _carries(pid: int, wanted: bytes) -> bool:
    try:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        # It ended meanwhile, or belongs to somebody else.
        return False


@contextmanager
def _pinned(pid: int) -> Iterator[int | None]:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end(pid: int, pinned: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pinned, signal.SIGKILL)
    poll = select.poll()
    poll.register(pinned, select.POLLIN)
    deadline = time.monotonic() + _WAIT_SECONDS
    if not poll.poll(1000 * (deadline - time.monotonic())):
        raise StackError(f"Process {pid} of an earlier run does not end.")
