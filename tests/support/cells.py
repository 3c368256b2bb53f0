"""The parser cell's children, seen from outside: what lives on after a test was forgotten."""

from __future__ import annotations

from pathlib import Path

import psutil

BOOT_HOSTILE = (
    "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f));"
    f"sys.path.append({str(Path(__file__).parents[1] / 'unit')!r});"
    "from workers.sandbox import template; template.TASKS['hostile'] = 'hostile_cell';"
    "template.main()"
)
"""What a template is started with that knows a task which misbehaves."""


def cell_children() -> list[psutil.Process]:
    """Living children of this process that sit in the cell, with a file, however deep."""
    return [child for child in psutil.Process().children(recursive=True) if _is_confined(child)]


def templates(pid: int | None = None) -> list[psutil.Process]:
    """Living templates of a process, or of this one."""
    return [child for child in psutil.Process(pid).children() if _is_template(child)]


def confined_child(pid: int) -> psutil.Process | None:
    """The cell's child of a worker, once it is confined."""
    below = psutil.Process(pid).children(recursive=True)
    return next((child for child in below if _is_confined(child)), None)


def _is_confined(child: psutil.Process) -> bool:
    """Its filter shows in its status."""
    try:
        return "Seccomp:\t2" in Path(f"/proc/{child.pid}/status").read_text()
    except FileNotFoundError:
        return False


def _is_template(child: psutil.Process) -> bool:
    try:
        return any("workers.sandbox" in word for word in child.cmdline())
    except psutil.NoSuchProcess:
        return False
