"""A task for the cell that misbehaves on demand; only tests put it into the child's table."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox.child import REPLY

_memories: list[str] = []
_template: list[int] = []


def warm_up(options: dict[str, Any]) -> None:
    """What may go wrong before confinement."""
    _template[:] = [os.getpid()]
    if options["act"] == "missing library":
        raise ImportError("a library that is not there")
    if options["act"] == "leave a thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What a file that took over its parser may do."""
    act = options["act"]
    if act == "stray":  # in a cell that is not confined
        stray = subprocess.Popen(["/bin/sleep", "1000"])
        return {"stray": stray.pid}, b""
    if act == "remember":
        seen = list(_memories)
        _memories.append("a stranger's secret")
        return {"seen": seen, "pid": os.getpid(), "template": _template[0]}, b""
    if act == "spend":
        bytearray(b"x") * (options["mib"] << 20)
    if act in _ACTS:
        _ACTS[act](file)
    if act == "payload":
        return {"ok": True}, b"x" * options["size"]
    return {"head": file.read(16).decode(), **options}, b""


def _spin(_: BinaryIO) -> None:
    while True:
        pass


def _close_and_live(_: BinaryIO) -> None:
    os.closerange(1, 16)
    _spin(_)


def _litter(_: BinaryIO) -> None:
    """More files than anybody needs."""
    for number in range(5000):
        os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY, 0o600))
    _spin(_)


def _hide(_: BinaryIO) -> None:
    """A folder whose path is too long for whoever stands outside."""
    deepest = Path("d" * 100)
    with contextlib.suppress(OSError):
        while True:
            deepest.mkdir()
            deepest /= "d" * 100
    _spin(_)


def _flood(_: BinaryIO) -> None:
    while True:
        os.write(REPLY, bytes(65536))


def _flood_log(_: BinaryIO) -> None:
    for _n in range(1000):
        os.write(2, b"secret sentence of a stranger\n" * 100)
    os._exit(7)


def _say(text: bytes) -> None:
    os.write(REPLY, text)
    os._exit(0)


def _memory(_: BinaryIO) -> None:
    hoard = []
    while True:
        hoard.append(b"x" * (16 << 20))


def _write_file(file: BinaryIO) -> None:
    try:
        os.write(0, b"changed")
    except OSError as error:
        _say(json.dumps({"result": {"errno": error.errno}, "payload": 0}).encode() + b"\n")


_ACTS = {
    "segv": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "be killed": lambda _: signal.raise_signal(signal.SIGKILL),
    "exit": lambda _: os._exit(0),
    "spin": _spin,
    "litter": _litter,
    "hide": _hide,
    "close and live": _close_and_live,
    "flood": _flood,
    "flood the log": _flood_log,
    "html": lambda _: _say(b"<html><script>alert(1)</script>\n"),
    "memory": _memory,
    "write the file": _write_file,
}
