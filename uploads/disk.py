"""Whether the disks that this machine's processes write to have room, asked before they are full.

A disk without room breaks what has nothing to do with the file that filled it: the database cannot
commit, a log cannot be written. So uploads are refused, and inspections put off, while there is
still a reserve; as soon as there is room again, everything goes on by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url

from uploads.config import Settings
from uploads.documents.errors import StorageFull

_LOOK_SECONDS = 1.0  # a look costs microseconds, but is asked for with each piece of each body
_LEAST_FILES = 256


class Volume(Protocol):
    """What of statvfs(3) is looked at."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_favail(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that are free in a folder, and that have to stay so; whether files can be made."""

    free: float
    reserve: float
    few_files: bool


class DiskGuard:
    """Watches the file systems of `folders`; one that does not exist (yet) has no say.

    The reserve is `reserve_bytes` or `reserve_percent` of the file system, whichever is more.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        *,
        reserve_bytes: int,
        reserve_percent: float,
        clock: Callable[[], float] = time.monotonic,
        look: Callable[[Path], Volume] = os.statvfs,
    ) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._reserve_bytes = reserve_bytes
        self._reserve_percent = reserve_percent
        self._clock = clock
        self._look = look
        self._looked_at = float("-inf")
        self._full = ""

    def check(self) -> None:
        """Return while there is room. Raises StorageFull; the cause names the folder."""
        now = self._clock()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._full = next((str(one) for one in self._folders if self._is_full(one)), "")
        if self._full:
            raise StorageFull(f"less than the reserve is free in {self._full}")

    def room(self, folder: Path) -> Room | None:
        """What is free there and what has to stay free; None where there is no such folder."""
        try:
            found = self._look(folder)
        except FileNotFoundError:
            return None
        share = found.f_blocks * found.f_frsize * self._reserve_percent / 100
        # File systems that make inodes as they need them say that they have none.
        few_files = found.f_files > 0 and found.f_favail < _LEAST_FILES
        free = found.f_bavail * found.f_frsize
        return Room(free, max(self._reserve_bytes, share), few_files)

    def _is_full(self, folder: Path) -> bool:
        room = self.room(folder)
        return room is not None and (room.few_files or room.free < room.reserve)


def folders(settings: Settings) -> list[Path]:
    """Everything that these settings let a process write to."""
    found = [settings.data, settings.scratch_dir, settings.spool_dir]
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        found.append(Path(url.database).parent)
    return list(dict.fromkeys(found))


def guard(settings: Settings) -> DiskGuard:
    """The guard of all these folders."""
    return DiskGuard(
        folders(settings),
        reserve_bytes=settings.disk_reserve_bytes,
        reserve_percent=settings.disk_reserve_percent,
    )


def rooms(settings: Settings) -> dict[str, Room]:
    """The room in each of our folders that is there, by what it is for."""
    watched = guard(settings)
    folders = {
        "data": settings.data,
        "scratch": settings.scratch_dir,
        "spool": settings.spool_dir,
    }
    found = {name: watched.room(folder) for name, folder in folders.items()}
    return {name: room for name, room in found.items() if room is not None}
