"""The template's charge: one child, from its fork to its end.

A child serves one file, or, where the worker says so, a few of one owner one after the other: it
*rests* in between and holds none of them. It does not stay after `stay.FILES` of them, after some
seconds without one, or at any doubt: a word too much, threads or memory that pile up. What it may
cost is bounded for each file, by its own clock. Hears of a child one byte, and nothing of a file.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from workers.sandbox import stay
from workers.sandbox.channel import Channel

IDLE_SECONDS = 5.0
# What it may keep beyond what it was forked with, and still be handed another file.
GROWTH_BYTES = 96 * 1024 * 1024
THREADS = 8  # libvips' own wait some seconds for more work
_RESTLESS = 0.1  # processor seconds between two files

_CORES = os.cpu_count() or 1
_SHORTEST_LOOK = 0.05
_LOOKED_AT = {"VmHWM", "RssAnon", "VmSwap", "Threads"}
_WHOLE_PROCESS = 2  # CPUCLOCK_SCHED of the kernel's `posix-timers.h`
_SPENT = -signal.SIGXCPU
_OUT_OF_FORM = 1

Serve = Callable[[int, socket.socket | None], NoReturn]
"""What a forked child becomes, told its template's id and, where it may stay, its desk."""


@dataclass(slots=True)
class _Child:
    """`desk` is our end of what files are handed over by; `inherited` is bytes of memory."""

    pid: int
    inherited: int
    desk: socket.socket | None
    cpu_seconds: float
    files: int = 1
    cpu_before: float = 0.0
    cpu_rested: float = 0.0
    verdict: int | None = None

    def used(self) -> float:
        """Processor seconds on this file so far."""
        return _clock(self.pid) - self.cpu_before


class Attendance:
    """Forks, watches, hands over, and collects; tells the worker by `channel`.

    `ended` becomes readable whenever a child ends.
    """

    def __init__(self, channel: Channel, ended: int) -> None:
        self._channel = channel
        self._ended = ended
        self._resting: _Child | None = None

    def next_order(self) -> tuple[dict[str, Any], list[int]] | None:
        """What the worker says next, None when it hung up; who rests for too long is ended."""
        if self._resting and not select.select([self._channel], [], [], IDLE_SECONDS)[0]:
            self.dismiss()
        return self._channel.receive()

    def attend(self, order: dict[str, Any], files: list[int], serve: Serve) -> None:
        """Have a file served, and tell how that ended and what it cost."""
        child = self._handed_over(order, files) if order["again"] else None
        if child is None:
            self.dismiss()
            child = self._forked(order, serve)
        self._resting = None
        for one in files:
            os.close(one)
        self._channel.send(self._watched(child))

    def dismiss(self) -> None:
        """End the child that rests, if there is one."""
        if self._resting is not None:
            os.kill(self._resting.pid, signal.SIGKILL)
            _collect(self._resting)
            self._resting = None

    def _handed_over(self, order: dict[str, Any], files: list[int]) -> _Child | None:
        """The child that rests, with the file; None where there is none, or one in doubt."""
        child = self._resting
        if child is None or child.desk is None or _has_ended(child) or _readable(child.desk):
            return None
        if child.used() > child.cpu_rested + _RESTLESS:
            return None
        child.cpu_before = _clock(child.pid)
        try:
            stay.hand_over(child.desk, order["options"], files)
        except OSError:
            return None
        child.files += 1
        return child

    def _forked(self, order: dict[str, Any], serve: Serve) -> _Child:
        ours, theirs = socket.socketpair() if order["stays"] else (None, None)
        template, inherited = os.getpid(), _inherited_bytes()
        pid = os.fork()
        if pid == 0:
            serve(template, theirs)
        if theirs is not None:
            theirs.close()
        return _Child(pid, inherited, ours, order["limits"]["cpu_seconds"])

    def _watched(self, child: _Child) -> dict[str, Any]:
        """Wait until the child rests or ends; kill it when told to, or when it has spent too much.

        It is collected here and nowhere else, so its id, and its group's, is nobody else's until
        then.
        """
        listening = True
        while not _has_ended(child):
            if child.desk is not None and _readable(child.desk) and _is_done(child):
                return self._rested(child)
            listening = self._wait(child, listening)
        status, used = _collect(child)
        code = os.waitstatus_to_exitcode(status) if child.verdict is None else child.verdict
        spent = used.ru_utime + used.ru_stime - child.cpu_before
        return _word(child, {"ended": code}, spent, used.ru_maxrss * 1024)

    def _wait(self, child: _Child, listening: bool) -> bool:
        """Wait for a word or an end, or until it may have spent too much.

        Returns whether the worker is still there to be listened to.
        """
        left = child.cpu_seconds - child.used()
        if left <= 0 and child.verdict is None:
            _kill(child, _SPENT)
        awaited = [self._ended, *([self._channel.fileno()] if listening else [])]
        awaited += [child.desk.fileno()] if child.desk is not None else []
        ready, _, _ = select.select(awaited, [], [], max(_SHORTEST_LOOK, left / _CORES))
        if self._ended in ready:
            os.read(self._ended, 4096)
        if self._channel.fileno() in ready:
            listening = self._channel.receive() is not None
            os.kill(child.pid, signal.SIGKILL)
        return listening

    def _rested(self, child: _Child) -> dict[str, Any]:
        """Keep a child that is done with its file, unless there is a doubt."""
        spent, state = child.used(), _state(child.pid)
        child.cpu_rested = spent
        self._resting = child
        if not _may_stay(child, state):
            self.dismiss()
        return _word(child, {"rests": True}, spent, 1024 * state.get("VmHWM", 0))


def _is_done(child: _Child) -> bool:
    """Take its word that it is done with a file; whoever says anything else is killed."""
    assert child.desk is not None
    said = child.desk.recv(len(stay.DONE) + 1)
    if said == stay.DONE:
        return True
    child.desk.close()
    child.desk = None
    if said:
        _kill(child, _OUT_OF_FORM)
    return False


def _may_stay(child: _Child, state: Mapping[str, int]) -> bool:
    """Whether it may have another file; what cannot be seen is a doubt."""
    if child.files >= stay.FILES or not state.keys() >= _LOOKED_AT:
        return False
    grown = 1024 * (state["RssAnon"] + state["VmSwap"]) - child.inherited
    return grown <= GROWTH_BYTES and state["Threads"] <= THREADS


def _word(child: _Child, word: dict[str, Any], spent: float, memory: int) -> dict[str, Any]:
    beyond = max(0, memory - child.inherited)
    return word | {"files": child.files, "cpu_seconds": spent, "memory_bytes": beyond}


def _kill(child: _Child, verdict: int) -> None:
    """End it for a reason of ours, which is told in place of the signal."""
    child.verdict = verdict
    os.kill(child.pid, signal.SIGKILL)


def _has_ended(child: _Child) -> bool:
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _collect(child: _Child) -> tuple[int, resource.struct_rusage]:
    """Wait for one that ends, and end all that it started, where nothing kept it from that."""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError):  # it ended before it led a group
        os.killpg(child.pid, signal.SIGKILL)
    _, status, used = os.wait4(child.pid, 0)
    if child.desk is not None:
        child.desk.close()
    return status, used


def _readable(one: socket.socket) -> bool:
    return bool(select.select([one], [], [], 0)[0])


def _clock(pid: int) -> float:
    """Processor seconds of all threads of a process (clock_getcpuclockid(3)); 0 where unknown."""
    try:
        return time.clock_gettime(~pid << 3 | _WHOLE_PROCESS)
    except OSError:
        return 0.0


def _state(pid: int) -> dict[str, int]:
    """The numbers in a process's status (proc(5)), memory in KiB; none where they are hidden."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    parted = (line.partition(":") for line in lines)
    return {name: int(word.split()[0]) for name, _, word in parted if name in _LOOKED_AT}


def _inherited_bytes() -> int:
    """Memory that a child has from its first moment: ours, but for what is mapped from files."""
    try:
        sizes = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return 0
    return (int(sizes[1]) - int(sizes[2])) * resource.getpagesize()
