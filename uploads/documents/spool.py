"""Bytes of a body on their way to the store: in memory while there is room, else on disk.

All uploads of a process share the room, so thousands of slow ones cost no more memory than a few
fast ones. A file has no name: whatever happens to the process, nothing of it stays.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from uploads.documents.errors import StorageFull, StorageUnavailable

_PIECE = 256 * 1024
# Pieces below this are joined: a byte now and then must not cost an object each.
_SMALL = 16 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}


class Room:
    """So many bytes of bodies may be in memory; the rest goes into files in `folder`."""

    def __init__(self, most: int, folder: Path | None = None) -> None:
        self.most = most
        self.left = most
        self._folder = folder
        self._turn = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there was room for so many bytes, which are taken then."""
        with self._turn:
            if size > self.left:
                return False
            self.left -= size
            return True

    def give_back(self, size: int) -> None:
        with self._turn:
            self.left += size

    def new_file(self) -> IO[bytes]:
        """A file that nobody else can open, and that goes with its last descriptor."""
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder, buffering=0)


class Spool:
    """The bytes of one segment; may be iterated as often as need be, until it is closed."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._pieces: list[bytes | bytearray] = []
        self._held = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    def fits(self, piece: bytes) -> bool:
        """Whether this piece can be kept without going to disk."""
        return self._file is None and len(piece) <= self._room.left

    def write(self, piece: bytes) -> None:
        """Keep a piece. Raises StorageFull and StorageUnavailable for what the disk says."""
        if self._file is None and self._room.take(len(piece)):
            self._held += len(piece)
            self._keep(piece)
        else:
            self._spill(piece)
        self.size += len(piece)

    def close(self) -> None:
        """Forget it all; doing so again is quiet."""
        self._pieces = []
        self._room.give_back(self._held)
        self._held = 0
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        if self._file is None:
            for kept in self._pieces:
                yield bytes(kept)  # costs nothing where it is bytes already
            return
        at = 0
        while piece := os.pread(self._file.fileno(), _PIECE, at):
            at += len(piece)
            yield piece

    def _keep(self, piece: bytes) -> None:
        if len(piece) >= _SMALL:
            # As it is: what grows is moved again and again, and leaves holes that nothing fits in.
            self._pieces.append(piece)
            return
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) < _PIECE:
            last += piece
        else:
            self._pieces.append(bytearray(piece))

    def _spill(self, piece: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._room.new_file()
                for kept in self._pieces:
                    _write_all(self._file, kept)
                self._pieces = []
                self._room.give_back(self._held)
                self._held = 0
            _write_all(self._file, piece)
        except OSError as error:
            kind = StorageFull if error.errno in _FULL else StorageUnavailable
            raise kind(f"the spool: {error.strerror}") from error


def _write_all(file: IO[bytes], data: bytes | bytearray) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
