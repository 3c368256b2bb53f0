"""The child's side of the cell: confine, and only then read the file.

Forked from the template, with the file as descriptor 0, the log as 1 and 2, and the reply as 3:
the line `ready`, one line of JSON, then the payload. One that may stay is then handed the next file
in the same places (`stay.py`). A task is a module with

    warm_up(options) -> None              in the template: imports, and a sample of its own. It
                                          leaves no thread, for a fork would lose it.
    run(file, options) -> (dict, bytes)   in the child, confined: the stranger's bytes. It leaves
                                          nothing open and nothing unlocked.

Holds no secret and needs none: the template was started with an empty environment.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO, NoReturn, Protocol

from workers.sandbox import confinement
from workers.sandbox.answer import READY
from workers.sandbox.premises import Premises
from workers.sandbox.stay import DESK, FILES, Desk

REPLY = 3  # the descriptor that the reply goes to
_DESCRIPTORS = 4096

Code = Sequence[tuple[int, int]]
"""Start and end of memory that can be written and run."""


class Task(Protocol):
    """What a task module offers."""

    def warm_up(self, options: dict[str, Any]) -> None: ...

    def run(self, file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]: ...


def serve(
    task: Task,
    order: dict[str, Any],
    files: list[int],
    code: Code,
    template: int,
    desk: socket.socket | None,
) -> NoReturn:
    """Do what was ordered with one file, or with what follows at its desk, and end this process.

    `code` is the memory that could be written and run when it was forked. Ends it whatever happens.
    """
    status = 1
    try:
        _be_nobody(files, desk)
        limits = confinement.Limits(**order["limits"])
        _confine(order, limits, template, code)
        more = Desk(limits.open_files) if desk else None
        options: dict[str, Any] | None = order["options"]
        while options is not None:
            _answer(task, options)
            options = more.next() if more else None
        status = 0
    except BaseException:  # noqa: BLE001 - a forked process must not return into the template
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        # No interpreter shutdown: libraries would want calls that are gone by now.
        os._exit(status)


def _answer(task: Task, options: dict[str, Any]) -> None:
    say(READY)
    file = io.BufferedReader(io.FileIO(0, closefd=False))
    result, payload = task.run(file, options)
    head = json.dumps({"result": result, "payload": len(payload)}, allow_nan=False)
    say(head.encode() + b"\n")
    say(payload)


def _confine(order: dict[str, Any], limits: confinement.Limits, template: int, code: Code) -> None:
    if order.get("premises"):
        confinement.confine_to(Premises.of(order["premises"]), limits, template)
    elif order["stays"]:
        # For all its files; of each the template keeps the time.
        limits = replace(limits, cpu_seconds=FILES * limits.cpu_seconds)
        confinement.confine(limits, template, code, DESK)
    elif order["confined"]:
        confinement.confine(limits, template, code)
    else:
        confinement.bound(limits)


def _be_nobody(files: list[int], desk: socket.socket | None) -> None:
    """Let go of all that is the template's: its session, its signals, its descriptors."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file, reply, log = files
    for number, one in enumerate((file, log, log, reply)):
        os.dup2(one, number)
    kept = REPLY
    if desk is not None:
        kept = os.dup2(desk.fileno(), DESK)
    os.closerange(kept + 1, _DESCRIPTORS)


def say(data: bytes) -> None:
    """Write to the worker; a task that hands out more than a reply does so in frames."""
    view = memoryview(data)
    while view:
        view = view[os.write(REPLY, view) :]
