"""The template: loads the parsers once, and forks a child that is confined for each file.

A fresh interpreter with its libraries costs most of a second of processor time, a fork some
milliseconds. The template itself never reads a byte of a stranger's file, holds no secret and
never sees what a child says; each child knows the template as it was before any file. It ends
when the worker hangs up, and its child with it.

`python -I -S -c …` with the control socket as descriptor 0. It is told

    {"do": "warm", "task": …, "options": …}     load a task: {"warm": …}
    {"do": "run", "task": …, …} and three files fork: {"ended": CODE, …} when the child is gone,
                                                or {"rests": true, …} when it may be used again
    {"do": "kill"}                              kill the child that is at work
    {"do": "dismiss"}                           end the one that rests: {"dismissed": true}

`"stays": true` lets a child rest after its file, `"again": true` has the one that rests take this
file; where there is none, or a doubt about it, another is forked.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

from workers.sandbox import child, confinement, niceness
from workers.sandbox.attendance import Attendance
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
    niceness.weigh_session()
    attendance = Attendance(channel, ended)
    tasks: dict[str, child.Task] = {}
    code: child.Code = []
    while (heard := attendance.next_order()) is not None:
        order, files = heard
        if order["do"] == "warm":
            tasks[order["task"]] = _warm(order["task"], order["options"])
            code = _writable_code()
            channel.send({"warm": order["task"]})
        elif order["do"] == "run":
            serve = partial(child.serve, tasks[order["task"]], order, files, code)
            _flush()
            attendance.attend(order, files, serve)
        elif order["do"] == "dismiss":
            attendance.dismiss()
            channel.send({"dismissed": True})
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


def _flush() -> None:
    """A child that is forked has none of our words left to say."""
    sys.stdout.flush()
    sys.stderr.flush()
