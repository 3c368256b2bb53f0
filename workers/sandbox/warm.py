"""The worker's hold on one template: start it, have it load tasks, have it fork for a file.

Bounded in time at every step, for a template is only a process. Judges nothing of what a child
says; that is the cell's business.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from workers.sandbox.answer import Usage
from workers.sandbox.channel import Channel
from workers.sandbox.listener import LOG_LIMIT, Listener

_ROOT = str(Path(__file__).parents[2])
_BOOT = (
    "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f));"
    "from workers.sandbox.template import main; main()"
)

# All of the environment: nothing of ours, and settings that libraries read only there.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_CONCURRENCY": "1",
}
_HANG_UP_SECONDS = 5.0


House = tuple[object, ...]
"""What files must have in common to be served by one child; above all, whose they are."""


class TemplateLost(Exception):
    """Raised when the template is gone, or does not answer; `log` is what it last printed."""

    def __init__(self, sentence: str, log: str) -> None:
        super().__init__(sentence)
        self.log = log


class NotOrdered(TemplateLost):
    """Raised when it was gone before it was told of the file."""


@dataclass(slots=True)
class Run:
    """One child with one file: what hears it, and how it ended once it has.

    One that `rests` has not ended and may have another file; this was the `number`th of its own.
    """

    listener: Listener
    code: int | None = None
    rests: bool = False
    number: int = 1
    usage: Usage = field(default_factory=Usage)


class Template:
    """One template process. Not for two threads at once."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        # A file: nobody reads along, and a pipe would fill up.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        with theirs:
            self._process = process = _start(theirs, self._log)
        self._channel = Channel(ours)
        self._warm: dict[str, dict[str, Any]] = {}
        self._loading = 0
        self._house: House | None = None
        self.files = 0
        self._end = weakref.finalize(self, _hang_up, process, self._channel, self._log)

    def close(self) -> None:
        """End the process, and whatever child it has."""
        self._end()

    def suits(self, task: str, options: Mapping[str, Any]) -> bool:
        """Whether it lives and has loaded the task with these options, or has not loaded it."""
        return self._process.poll() is None and self._warm.get(task, options) == options

    def awaits(self, house: House | None) -> bool:
        """Whether a child of this house rests here, or none at all where there is no house."""
        return self._house == house

    def warm(self, task: str, options: Mapping[str, Any]) -> None:
        """Have it load a task, if it has not; does not wait. Raises TemplateLost."""
        if task in self._warm:
            return
        self._warm[task] = dict(options)
        try:
            self._channel.send({"do": "warm", "task": task, "options": dict(options)})
        except OSError as error:
            raise self._lost("it is gone") from error
        self._loading += 1

    def wait_warm(self, seconds: float) -> None:
        """Wait until all that was asked for is loaded. Raises TemplateLost."""
        while self._loading:
            self._receive(seconds)
            self._loading -= 1

    @contextmanager
    def run(
        self,
        order: Mapping[str, Any],
        file: BinaryIO,
        limit: int,
        passing: Callable[[bytes], bytes],
        house: House | None = None,
    ) -> Iterator[Run]:
        """Have a child serve a file and be heard; at the end, it rests or is dead.

        Forks one, or has the one of the same `house` serve it. `limit` bounds in bytes what is kept
        of its words, `passing` is what the listener's is.
        Raises TemplateLost, and NotOrdered when no child can have got as far as the file.
        """
        self.files += 1
        staying = {"stays": house is not None, "again": house is not None and self.awaits(house)}
        self._house = None
        with _pipe() as (reply, to_reply), _pipe() as (log, to_log), _read_only(file) as given:
            listener = Listener(reply.fileno(), log.fileno(), self._channel, limit, passing)
            run = Run(listener)
            try:
                with to_reply, to_log:
                    descriptors = [given, to_reply.fileno(), to_log.fileno()]
                    self._begin({"do": "run", **order, **staying}, descriptors)
                yield run
            finally:
                listener.close()
                self._collect(run)
        self._house = house if run.rests else None

    def dismiss(self) -> None:
        """End the child that rests, if there is one, or all of it where that cannot be told."""
        self._house = None
        try:
            self._order({"do": "dismiss"})
            self._receive(_HANG_UP_SECONDS)
        except TemplateLost:
            self.close()

    def _begin(self, order: dict[str, Any], files: list[int]) -> None:
        try:
            self._order(order, files)
        except TemplateLost as error:
            raise NotOrdered(str(error), error.log) from error

    def _order(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        try:
            self._channel.send(message, files)
        except OSError as error:
            raise self._lost("it is gone") from error

    def kill(self) -> None:
        """Have the child killed, if it lives. Raises TemplateLost."""
        self._order({"do": "kill"})

    def collect(self, run: Run) -> None:
        """Take the template's word on how it ended, or that it rests. Raises TemplateLost."""
        if run.code is None and not run.rests:
            said = self._receive(_HANG_UP_SECONDS)
            run.code, run.rests = said.get("ended"), "rests" in said
            run.number = said["files"]
            run.usage = Usage(float(said["cpu_seconds"]), int(said["memory_bytes"]))

    def _collect(self, run: Run) -> None:
        """Kill the child unless it is done; a template that does not tell is ended as well."""
        if run.code is not None or run.rests:
            return
        try:
            self.kill()
            self.collect(run)
        except TemplateLost:
            self.close()

    def _receive(self, seconds: float) -> dict[str, Any]:
        try:
            heard = self._channel.receive(seconds)
        except OSError as error:
            raise self._lost(f"it said nothing for {seconds:g} s") from error
        if heard is None:
            raise self._lost("it ended")
        return heard[0]

    def _lost(self, sentence: str) -> TemplateLost:
        log = b""
        with contextlib.suppress(OSError, ValueError):
            size = os.fstat(self._log.fileno()).st_size
            log = os.pread(self._log.fileno(), LOG_LIMIT, max(0, size - LOG_LIMIT))
        return TemplateLost(sentence, log.decode("utf-8", "backslashreplace").strip())


def _start(control: socket.socket, log: IO[bytes]) -> subprocess.Popen[bytes]:
    paths = [_ROOT, *(path for path in sys.path if Path(path).is_absolute() and path != _ROOT)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-I", "-S", "-c", _BOOT, chr(0x1F).join(paths)],
        stdin=control.fileno(),
        stdout=log,
        stderr=log,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


def _hang_up(process: subprocess.Popen[bytes], channel: Channel, log: IO[bytes]) -> None:
    """The template ends at the end of its channel; one that does not is killed."""
    channel.close()
    log.close()
    try:
        process.wait(_HANG_UP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    ends, told = os.pipe()
    with open(ends, "rb", buffering=0) as reading, open(told, "wb", buffering=0) as writing:  # noqa: PTH123
        yield reading, writing


@contextmanager
def _read_only(file: BinaryIO) -> Iterator[int]:
    """Open the same file once more: read-only, and with a position that is not shared."""
    descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
