"""A real disk that is soon full: a tmpfs of its own. Needs root, or sudo without a password."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """Mount a file system of this size at a folder that exists."""
    _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=1777", "tmpfs", str(folder))
    try:
        yield
    finally:
        # Lazily: a process that is just ending may still have a file open there.
        _run("umount", "--lazy", str(folder))


def _run(*argv: str) -> None:
    for prefix in ((), ("sudo", "--non-interactive")):
        try:
            done = subprocess.run([*prefix, *argv], capture_output=True, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return
    raise AssertionError(f"{argv[0]} is not allowed: run as root, or install sudo for this user")
