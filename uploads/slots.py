"""A number for each process that counts, unlike that of any other that is alive in its folder.

Files named after process ids would pile up, one for each process that ever was killed. A number is
freed by the end of its process, however it ends, and the next one goes on where that left off: so
sums never go back, and there are as many files as there were processes at the same time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

_MOST = 1024
_ORDER = 0  # the byte that is locked while a number is chosen; the numbers are the bytes after it


class Slots:
    """Numbers in `folder`, which is made where it is not there. Raises OSError.

    A number is a record lock on one byte of a file: it belongs to one process, ends with it, and
    goes to nothing forked from it (fcntl(2)). For that the file stays open. `room` are the files
    that a number has, by the beginnings of their names, with the bytes that each is given at once:
    a mapped file that has no room when it is written to kills its process (mmap(2), SIGBUS).
    """

    def __init__(self, folder: Path, room: Mapping[str, int], live: str) -> None:
        """Files whose names begin with `live` are of no worth once their process has ended."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._room = room
        self._live = live
        self._file = os.open(folder / "slots", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._number = 0

    def mine(self) -> int:
        """This process's number; a forked one takes another. Raises OSError the first time."""
        if not self._number:
            self._number = self._taken()
        return self._number

    def forked(self) -> None:
        """This is another process now."""
        self._number = 0

    def forget_dead(self) -> None:
        """Remove what is of no worth after processes that are no more."""
        for file in self._folder.glob(f"{self._live}_*.db"):
            number = int(file.stem.rpartition("_")[2])
            if number != self.mine() and self._lock(number):
                file.unlink(missing_ok=True)
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def _taken(self) -> int:
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _ORDER)
        try:
            if self._lock(1, 0):  # all of them are free: the first of a new run
                for file in self._folder.glob("*.db"):
                    file.unlink()
                fcntl.lockf(self._file, fcntl.LOCK_UN, 0, 2)
                number = 1
            else:
                number = next(filter(self._lock, range(1, _MOST)), 0)
            if not number:
                raise OSError("too many processes count in one folder")
            self._make_room(number)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _ORDER)
        return number

    def _lock(self, number: int, count: int = 1) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, number)
        except OSError:  # held by another process; fcntl(2) has two errors for it
            return False
        return True

    def _make_room(self, number: int) -> None:
        for name, size in self._room.items():
            file = self._folder / f"{name}_{number}.db"
            if name == self._live:
                file.unlink(missing_ok=True)
            opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(opened, 0, size)
            finally:
                os.close(opened)
