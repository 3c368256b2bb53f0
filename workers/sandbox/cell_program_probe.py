"""The self-test of the cell for programs of others: the probes of `cell_probe`, and those on paths.

Tried in the place of the program, under the same locks, which last over an exec; only that a
program loads its own code, and asks whether a path exists, is no finding here.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox import cell_probe

# The last two of them are tried in another way below.
_NOT_PROMISED = {"new code", "stat /etc/passwd", "exec", "write a gigabyte"}
_GIGABYTE = 1 << 30


def warm_up(options: dict[str, Any]) -> None:
    """Note who the template is."""
    cell_probe.warm_up(options)


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Try every probe; `secret` is a file of the worker's that is there, in a folder of its own."""
    words, _ = cell_probe.run(file, options)
    probes = [*_probes(int(options["worker"])), *_at(Path(options["secret"]))]
    found = {name: cell_probe.word(probe) for name, probe in probes}
    kept = {name: word for name, word in words.items() if name not in _NOT_PROMISED}
    return {**kept, **found}, b""


def _probes(worker: int) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "read a program of the system", lambda: Path("/usr/bin/env").read_bytes()
    yield "exec a file of its own", _exec_own
    yield "write a gigabyte in its folder", _write_gigabyte
    yield "read its parent's folder", lambda: os.listdir("..")  # noqa: PTH208 - the bare call
    yield "change a mode", _done(lambda: Path().chmod(0o777))
    yield "change a time", _done(lambda: os.utime(".", (1, 1)))
    yield "make a link", _done(lambda: Path("link").symlink_to("/etc/passwd"))
    yield "make a pipe", _done(lambda: os.mkfifo("pipe"))
    yield "connect a stream of this machine", lambda: _stream("connect", b"/nowhere")
    yield "listen beside its folder", lambda: _stream("bind", b"../stream")
    yield "read the worker's limits", lambda: resource.prlimit(worker, resource.RLIMIT_CORE)


def _at(secret: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "read a file of the worker", lambda: secret.read_bytes()
    yield "write to a file of the worker", lambda: secret.open("r+b")
    yield "cut a file of the worker short", _done(lambda: os.truncate(secret, 0))
    yield "remove a file of the worker", _done(lambda: secret.unlink())
    yield "move a file of the worker", lambda: secret.rename("taken")
    yield "link a file of the worker", _done(lambda: Path("linked").hardlink_to(secret))
    yield "write beside a file of the worker", lambda: secret.with_name("new").open("xb")
    yield "make a folder beside it", _done(lambda: secret.with_name("new").mkdir())
    yield "list the folder of the worker", lambda: os.listdir(secret.parent)  # noqa: PTH208


def _stream(act: str, name: bytes) -> int:
    """Make the one kind of socket that there is, without the flags that Python adds."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
    address = struct.pack("=H", socket.AF_UNIX) + name + b"\0"
    try:
        return cell_probe.checked(getattr(libc, act)(descriptor, address, len(address)))
    finally:
        libc.close(descriptor)


def _exec_own() -> None:
    """A script whose interpreter is not there, so that this process outlives it in any case."""
    descriptor = os.open("program", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o755)
    os.write(descriptor, b"#!/no-such-program\n")
    os.close(descriptor)
    os.execve("./program", ["program"], {})  # noqa: S606


def _done(act: Callable[[], None]) -> Callable[[], str]:
    """What answers nothing was done all the same."""

    def probe() -> str:
        act()
        return "done"

    return probe


def _write_gigabyte() -> int | None:
    """Files end at the limit; EFBIG is the kernel's word for it."""
    with Path("gigabyte").open("wb") as file:
        try:
            os.ftruncate(file.fileno(), _GIGABYTE)
        except OSError:
            return None
        return os.fstat(file.fileno()).st_size
