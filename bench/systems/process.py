"""Starts and ends the programs that are measured."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.trouble import StepFailed
from uploads.lifeline import die_with_parent
from workers.embedded.child import take_turns

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class NotStarted(StepFailed):
    """Raised when a system does not come up; its text has the program's last words."""


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections on this loopback port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def program(
    argv: Sequence[str],
    folder: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str],
    *,
    takes_turns: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends. Its words go to `log` in its folder.

    `env` is added to the little that every program gets; `takes_turns` as a part of the embedded
    stack has it. Raises NotStarted.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    parent = os.getpid()

    def before_exec() -> None:
        die_with_parent(parent)
        if takes_turns:
            take_turns()

    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            list(argv),
            env={**kept, "TMPDIR": str(temporary), **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            preexec_fn=before_exec,
        )
    try:
        _await(process, ready, folder / "log")
        yield process
    finally:
        _end(process)


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            words = log.read_text(errors="replace")[-3000:]
            raise NotStarted(f"{process.args!r} did not start:\n{words}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; whatever is left of its group is killed."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
