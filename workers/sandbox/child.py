"""The child's side of the cell: warm up, confine, and only then read the file.

`python -I -m workers.sandbox.child TASK JSON` with the file as descriptor 0 and the reply on
descriptor 1: the line `ready`, one line of JSON, then the payload. A task is a module with

    warm_up(options) -> None              imports, and a sample of its own, before confinement
    run(file, options) -> (dict, bytes)   the stranger's bytes, after it

Holds no secret and needs none: the parent starts it with an empty environment.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from typing import Any, BinaryIO, Protocol, cast

from workers.sandbox import confinement
from workers.sandbox.answer import READY

TASKS = {
    "yara": "workers.inspection.cell_yara",
    "structure": "workers.inspection.cell_structure",
    "render": "workers.rendering.cell_render",
    "probe": "workers.sandbox.cell_probe",
}


class Task(Protocol):
    """What a task module offers."""

    def warm_up(self, options: dict[str, Any]) -> None: ...

    def run(self, file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]: ...


def main() -> None:
    """Run the task named in the arguments; ends the process."""
    name, order = sys.argv[1], json.loads(sys.argv[2])
    confinement.die_with(order["parent"])
    reply = _take_stdout()
    task = cast("Task", importlib.import_module(TASKS[name]))
    options = order["options"]
    task.warm_up(options)
    file = io.FileIO(0, closefd=False)
    limits = confinement.Limits(order["cpu_seconds"], order["memory_bytes"])
    confinement.confine(limits, order["parent"])
    _write(reply, READY)
    result, payload = task.run(io.BufferedReader(file), options)
    head = json.dumps({"result": result, "payload": len(payload)}, allow_nan=False)
    _write(reply, head.encode() + b"\n")
    _write(reply, payload)
    # No interpreter shutdown: libraries would want calls that are gone by now.
    os._exit(0)


def _take_stdout() -> int:
    """Keep the reply's pipe for us; what a library prints goes to the log."""
    reply = os.dup(1)
    os.dup2(2, 1)
    return reply


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    main()
