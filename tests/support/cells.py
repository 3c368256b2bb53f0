"""The parser cell's children, seen from outside: what lives on after a test was forgotten."""

from __future__ import annotations

import psutil


def cell_children() -> list[psutil.Process]:
    """Living children of this process that were started for the cell, however deep."""
    return [child for child in psutil.Process().children(recursive=True) if _is_cell(child)]


def _is_cell(child: psutil.Process) -> bool:
    try:
        return any("workers.sandbox" in word for word in child.cmdline())
    except psutil.NoSuchProcess:
        return False
