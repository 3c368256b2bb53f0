"""The template: loads the parsers once, and forks a child that is confined for each file.

A fresh interpreter with its libraries costs most of a second of processor time, a fork some
milliseconds. The template itself never reads a byte of a stranger's file, holds no secret and
never sees what a child says; each child knows the template as it was before any file. It ends
when the worker hangs up, and its child with it.

`python -I -S -c …` with the control socket as descriptor 0. It is told

    {"do": "warm", "task": …, "options": …}     load a task: {"warm": …}
    {"do": "run", "task": …, …} and three files fork: {"ended": CODE, …} when the child is gone
    {"do": "kill"}                              kill the child
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

from workers.sandbox import child, confinement
from workers.sandbox.channel import Channel

TASKS = {
    "yara": "workers.inspection.cell_yara",
    "members": "workers.inspection.cell_members",
    "structure": "workers.inspection.cell_structure",
    "render": "workers.rendering.cell_render",
    "media": "workers.rendering.cell_played",
    "convert": "workers.rendering.cell_convert",
    "probe": "workers.sandbox.cell_probe",
    "render probe": "workers.sandbox.cell_probe",
    "media probe": "workers.sandbox.cell_probe",
    "program probe": "workers.sandbox.cell_program_probe",
}
_FIRST_FREE = 10  # descriptors below it are the child's


class LeftThreads(Exception):
    """Raised when a task's warm-up left threads: a forked child would wait for them for ever."""


def main() -> None:
    """Obey the worker until it hangs up; ends the process."""
    channel = Channel(_take_socket())
    ended = _child_ends()
    confinement.be_first_to_go()
    tasks: dict[str, child.Task] = {}
    code: child.Code = []
    while (heard := channel.receive()) is not None:
        order, files = heard
        if order["do"] == "warm":
            tasks[order["task"]] = _warm(order["task"], order["options"])
            code = _writable_code()
            channel.send({"warm": order["task"]})
        elif order["do"] == "run":
            serve = partial(child.serve, tasks[order["task"]], order, files, code)
            _run(channel, ended, serve, files)
        # An order to kill that came too late is about nobody.
    os._exit(0)


def _take_socket() -> socket.socket:
    """Move the control socket out of the way of the descriptors that a child will have."""
    high = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, child.REPLY):
        if number != nothing:
            os.dup2(nothing, number)
    return socket.socket(fileno=high)


def _child_ends() -> int:
    """Return a pipe that becomes readable whenever a child ends."""
    ends, told = os.pipe()
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for one in (ends, told)]
    for one in (ends, told):
        os.close(one)
    for one in moved:
        os.set_blocking(one, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(moved[1], warn_on_full_buffer=False)
    return moved[0]


def _warm(name: str, options: dict[str, Any]) -> child.Task:
    task = cast("child.Task", importlib.import_module(TASKS[name]))
    task.warm_up(options)
    if (count := _threads()) > 1:
        raise LeftThreads(f"{name}: {count - 1}")
    gc.collect()
    gc.freeze()  # what is here by now stays: a child need not touch, and so copy, its pages
    return task


def _writable_code() -> child.Code:
    try:
        return confinement.writable_code()
    except FileNotFoundError:
        return []  # as below


def _threads() -> int:
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except FileNotFoundError:
        return 1  # no such folder on this system, and no confinement either


def _run(channel: Channel, ended: int, serve: Callable[[int], NoReturn], files: list[int]) -> None:
    """Fork for one file, and say how the child ended and what it cost."""
    sys.stdout.flush()
    sys.stderr.flush()
    template, before = os.getpid(), _inherited_bytes()
    pid = os.fork()
    if pid == 0:
        serve(template)
    for one in files:
        os.close(one)
    status, used = _attend(channel, ended, pid)
    channel.send(
        {
            "ended": os.waitstatus_to_exitcode(status),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "memory_bytes": max(0, used.ru_maxrss * 1024 - before),
        }
    )


def _attend(channel: Channel, ended: int, pid: int) -> tuple[int, resource.struct_rusage]:
    """Wait for the child's end; kill it when told to, or when the worker is gone.

    It is collected here and nowhere else, so its id, and its group's, is nobody else's until then.
    """
    listening = True
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        awaited = [ended, channel.fileno()] if listening else [ended]
        ready, _, _ = select.select(awaited, [], [])
        if ended in ready:
            os.read(ended, 4096)
        if channel.fileno() in ready:
            listening = channel.receive() is not None
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it ended before it led a group
        os.killpg(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return status, used


def _inherited_bytes() -> int:
    """Memory that a child has from its first moment: ours, but for what is mapped from files."""
    try:
        sizes = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return 0
    return (int(sizes[1]) - int(sizes[2])) * resource.getpagesize()
