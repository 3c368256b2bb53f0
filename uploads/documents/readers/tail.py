"""The last bytes of a stream, to be read like the file that they end."""

from __future__ import annotations

import os
from typing import Protocol

from uploads.documents.readers.window import OutOfReach


class Seekable(Protocol):
    """What is needed of a file: a `Tail` is one, too."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Tail:
    """The last `keep` bytes of a file of `size` bytes, at their offsets."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._data = bytearray()
        self._at = 0
        self.size = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the stream."""
        self.size += len(piece)
        if len(piece) >= self._keep:
            self._data[:] = piece[-self._keep :]
            return
        self._data += piece
        if len(self._data) > 2 * self._keep:
            del self._data[: -self._keep]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (self.size if whence == os.SEEK_END else 0)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Raises OutOfReach for what is gone."""
        if self._at < self.size - self._keep:
            raise OutOfReach
        start = self._at - (self.size - len(self._data))
        found = bytes(self._data[start : start + size] if size >= 0 else self._data[start:])
        self._at += len(found)
        return found
