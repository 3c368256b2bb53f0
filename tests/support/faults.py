"""Faults that a test puts in the way of a running service, one after the other."""

from __future__ import annotations

import itertools
from pathlib import Path


class Faults:
    """A folder that a stack was armed with: each file is one fault, and gone when it happens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self.setting = f"@{folder}"

    def kill(self, step: str, times: int = 1) -> None:
        """SIGKILL to the next so many processes that come to this step."""
        for _ in range(times):
            (self._folder / f"{step}:kill#{next(self._numbers)}").touch()

    def to_come(self) -> list[str]:
        """Those that have not happened yet."""
        return sorted(file.name for file in self._folder.iterdir())
