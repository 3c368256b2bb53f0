"""The worker's side of the cell: start a child for one file, bound it, and doubt its answer.

Whatever the child says was said by the stranger who wrote the file: it is bounded in bytes and
time, its shape is checked, and its error output goes to the log only. Never parses a file itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox.answer import HEAD_LIMIT, MalformedReply, Reply, parse
from workers.sandbox.listener import Listener, TooMuch, hearing

__all__ = [
    "Cell",
    "CellBroken",
    "CellCrashed",
    "CellFailure",
    "CellKilled",
    "CellOpen",
    "CellTimeout",
    "Reply",
]

START_SECONDS = 30  # for interpreter and imports, on a busy machine; not the file's fault

_ROOT = str(Path(__file__).parents[2])
_BOOT = (
    "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f));"
    "from workers.sandbox.child import main; main()"
)

# All of the child's environment: nothing of ours, and settings that libraries read only there.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_CONCURRENCY": "2",
}


class CellFailure(Exception):
    """Base of what can go wrong with a cell; `log` is for the log only, never for people."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(sentence)
        self.log = log


class CellTimeout(CellFailure):
    """Raised when a file took the child longer than it may."""


class CellCrashed(CellFailure):
    """Raised when the child died over a file or broke the reply's form."""


class CellBroken(CellCrashed):
    """Raised when the child ended before it touched the file: ours to repair, not the file's."""


class CellKilled(CellFailure):
    """Raised when somebody else killed the child: the kernel, short of memory, or an operator.

    That is no word about the file. But a file may be the reason, so the start stays counted.
    """


class CellOpen(CellFailure):
    """Raised by the self-test when the cell does not hold; the worker must not start."""


@dataclass(frozen=True)
class Cell:
    """Starts throw-away children.

    `seconds` is the longest time for one file, after the child's start; `memory_bytes` is the
    address space it may take beyond what its libraries hold.
    """

    seconds: int
    memory_bytes: int

    def run(
        self,
        task: str,
        file: BinaryIO,
        options: Mapping[str, Any] | None = None,
        *,
        payload_limit: int = 0,
    ) -> Reply:
        """Run `task` over an open file and return its checked reply.

        `file` must have a descriptor; its position stays as it is. `payload_limit` is in bytes.
        Raises CellTimeout, CellCrashed, CellKilled, or CellBroken when no byte of the file was
        read.
        """
        child = self._start(task, file, dict(options or {}))
        with hearing(child, HEAD_LIMIT + 1 + payload_limit) as listener:
            self._wait(task, listener)
        log = listener.log()
        _check_exit(task, child.returncode, log)
        try:
            return parse(listener.reply(), payload_limit)
        except MalformedReply as error:
            raise CellCrashed(f"{task} answered out of form: {error}", log) from error

    def _wait(self, task: str, listener: Listener) -> None:
        """Wait for the child's end within both its times."""
        try:
            if not listener.wait_ready(START_SECONDS):
                raise CellBroken(f"the {task} cell did not start", listener.log())
            if not listener.wait_end(self.seconds):
                raise CellTimeout(f"{task} took longer than {self.seconds} s", listener.log())
        except TooMuch as error:
            raise CellCrashed(f"{task} said more than it may", listener.log()) from error

    def self_test(self) -> None:
        """Try to break out by every way we know; raises CellOpen naming what succeeded."""
        with Path(__file__).open("rb") as any_file:
            try:
                reply = self.run("probe", any_file, {"parent": os.getpid()})
            except CellFailure as error:
                raise CellOpen(f"the cell could not be tested: {error}", error.log) from error
        succeeded = [name for name, word in reply.result.items() if word != "denied"]
        if succeeded or not reply.result:
            raise CellOpen("the cell is open: " + ", ".join(sorted(succeeded) or ["no probe ran"]))

    def _start(self, task: str, file: BinaryIO, options: dict[str, Any]) -> subprocess.Popen[bytes]:
        order = {
            "parent": os.getpid(),
            "options": options,
            "cpu_seconds": 2 * self.seconds,  # of two threads; holds when nobody watches the clock
            "memory_bytes": self.memory_bytes,
        }
        paths = [_ROOT, *(path for path in sys.path if Path(path).is_absolute() and path != _ROOT)]
        command = [sys.executable, "-I", "-S", "-c", _BOOT, chr(0x1F).join(paths), task]
        with _read_only(file) as descriptor:
            return subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [*command, json.dumps(order)],
                stdin=descriptor,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )


@contextlib.contextmanager
def _read_only(file: BinaryIO) -> Iterator[int]:
    """Open the same file once more: read-only, and with a position that is not shared."""
    descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_exit(task: str, code: int, log: str) -> None:
    if code == -signal.SIGXCPU:
        raise CellTimeout(f"{task} used up its processor time", log)
    if code == -signal.SIGKILL:
        raise CellKilled(f"the {task} cell was killed", log)
    if code != 0:
        how = f"died of signal {-code}" if code < 0 else f"ended with {code}"
        raise CellCrashed(f"{task} {how}", log)
