"""A task for the cell that misbehaves on demand; only tests put it into the child's table."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox import attendance as stay_limits
from workers.sandbox.child import REPLY
from workers.sandbox.stay import DESK, DONE

_memories: list[str] = []
_poisoned: list[str] = []
_kept: list[bytes] = []
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
    if _poisoned:
        os.abort()
    if act == "stray":  # in a cell that is not confined
        stray = subprocess.Popen(["/bin/sleep", "1000"])
        return {"stray": stray.pid}, b""
    if act == "remember":
        seen = list(_memories)
        _memories.append("a stranger's secret")
        return {"seen": seen, "pid": os.getpid(), "template": _template[0]}, b""
    if act == "refuse":
        return {"refused": "all but the first"} if _memories else {"pid": os.getpid()}, b""
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


def _burn(_: BinaryIO) -> None:
    """A tenth of a second of processor time."""
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass


def _poison(_: BinaryIO) -> None:
    """Whoever comes next dies of it."""
    _poisoned.append("by a stranger")


def _keep_memory(_: BinaryIO) -> None:
    _kept.append(b"x" * (stay_limits.GROWTH_BYTES + (1 << 20)))


def _keep_threads(_: BinaryIO) -> None:
    for _n in range(stay_limits.THREADS):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def _be_done_early(_: BinaryIO) -> None:
    """Before there is an answer, and there never is one."""
    os.write(DESK, DONE)
    _spin(_)


def _say_done_twice(_: BinaryIO) -> None:
    os.write(DESK, DONE + DONE)
    _spin(_)


def _answer_twice(_: BinaryIO) -> None:
    """The second one is what the task returns."""
    os.write(REPLY, json.dumps({"result": {}, "payload": 0}).encode() + b"\n")


def _speak_at_rest(_: BinaryIO) -> None:
    """Say that a file is done which has not come, some time after this one is."""

    def speak() -> None:
        while True:
            try:
                os.fstat(REPLY)
            except OSError:
                break
        for _n in range(100):
            time.sleep(0.001)
        os.write(DESK, DONE)

    threading.Thread(target=speak, daemon=True).start()


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
    "burn": _burn,
    "poison": _poison,
    "keep memory": _keep_memory,
    "keep threads": _keep_threads,
    "keep a descriptor": lambda _: os.dup(0),
    "close the file": lambda _: os.close(0),
    "close the desk": lambda _: os.close(DESK),
    "be done early": _be_done_early,
    "work at rest": lambda _: threading.Thread(target=_spin, args=(_,), daemon=True).start(),
    "be done twice": _say_done_twice,
    "answer twice": _answer_twice,
    "speak at rest": _speak_at_rest,
    "litter": _litter,
    "hide": _hide,
    "close and live": _close_and_live,
    "flood": _flood,
    "flood the log": _flood_log,
    "html": lambda _: _say(b"<html><script>alert(1)</script>\n"),
    "memory": _memory,
    "write the file": _write_file,
}
