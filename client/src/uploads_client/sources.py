"""Where the bytes of a file come from, and who counts them while they go.

A `Seekable` knows its size and can be read at any place by any thread; a `Once` cannot go back.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from uploads_client.errors import UploadsError

PIECE = 256 * 1024
# It stands in a header; what it means, the service judges.
_TYPE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
Progress = Callable[[int, int | None], None]
Content = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


class Stopped(Exception):
    """Raised in threads whose work is no longer needed, because another one failed."""


class Seekable:
    """Bytes that can be read again, from where the stream stood to its end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._start = stream.tell()
        self.size = stream.seek(0, os.SEEK_END) - self._start

    def pieces(
        self, offset: int, size: int, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[bytes]:
        """`size` bytes from `offset`. Raises UploadsError where they are no longer there.

        Raises Stopped, and reads nothing more, as soon as `stopped` says that nobody needs it.
        """
        end = offset + size
        while offset < end:
            if stopped():
                raise Stopped
            with self._lock:
                self._stream.seek(self._start + offset)
                piece = self._stream.read(min(PIECE, end - offset))
            if not piece:
                raise UploadsError(
                    "The file became shorter while it was sent. Send it again when it is ready.",
                    code="source-changed",
                )
            offset += len(piece)
            yield piece

    def digest(
        self,
        stopped: Callable[[], bool] = lambda: False,
        read: Callable[[int], None] = lambda count: None,
    ) -> str:
        """SHA-256 of all of it; `read` hears of each piece. Raises as `pieces` does."""
        found = hashlib.sha256()
        for piece in self.pieces(0, self.size, stopped):
            found.update(piece)
            read(len(piece))
        return found.hexdigest()


class Once:
    """Bytes that come once, of a size that nobody knows."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def pieces(self) -> Iterator[bytes]:
        while piece := self._stream.read(PIECE):
            self._digest.update(piece)
            yield piece

    def digest(self) -> str:
        """SHA-256 of what was read."""
        return self._digest.hexdigest()


Source = Seekable | Once


@contextmanager
def opened(content: Content) -> Iterator[Source]:
    """A source for a path, bytes or a binary stream; streams of others are left open.

    Raises OSError, and ValueError for a stream of text.
    """
    if isinstance(content, bytes | bytearray | memoryview):
        yield Seekable(io.BytesIO(content))
    elif isinstance(content, str | os.PathLike):
        with Path(content).open("rb") as stream:
            yield _of(stream)
    else:
        yield _of(content)


def _of(stream: BinaryIO | io.TextIOBase) -> Source:
    # Types do not see it; programs without types do it.
    if isinstance(stream, io.TextIOBase):
        raise ValueError("A stream of bytes is needed: open the file with mode 'rb'.")
    seekable = getattr(stream, "seekable", None)
    return Seekable(stream) if seekable is not None and seekable() else Once(stream)


def name_of(content: Content) -> str | None:
    """The name that a path or a stream brings along, without its folders."""
    if isinstance(content, bytes | bytearray | memoryview):
        return None
    path = content if isinstance(content, str | os.PathLike) else getattr(content, "name", None)
    return Path(path).name or None if isinstance(path, str | os.PathLike) else None


def name_for(content: Content, name: str | None) -> str:
    """The name to send it under. Raises ValueError where there is none, or one that is no text."""
    chosen = name if name is not None else name_of(content)
    if not chosen:
        raise ValueError("This has no name of its own: give it one with name=….")
    if chosen.encode(errors="ignore").decode() != chosen:
        raise ValueError(
            "Its name is not UTF-8: give it another with name=… (`--name` of the command)."
        )
    return chosen


def checked_type(text: str | None) -> str | None:
    """A media type that can be sent. Raises ValueError."""
    if text is not None and not _TYPE.fullmatch(text):
        raise ValueError("A media type looks like text/plain.")
    return text


class Meter:
    """Adds up what all threads have sent (or read), and tells `progress`, one call at a time."""

    def __init__(self, total: int | None, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._sent = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._sent += count
            if self._progress is not None:
                self._progress(self._sent, self._total)

    def end(self) -> None:
        """Tell nobody any more: a thread that was left to a silent store may still count."""
        with self._lock:
            self._progress = None


class Share(Meter):
    """What one of many files adds to the meter of all; stops whoever counts when all is stopped."""

    def __init__(self, whole: Meter, stopped: Callable[[], bool]) -> None:
        super().__init__(None, None)
        self._whole, self._stopped = whole, stopped

    def add(self, count: int) -> None:
        """Raises Stopped."""
        if self._stopped():
            raise Stopped
        self._whole.add(count)


class Body:
    """The body of one request, made anew for each try; what a broken try counted is taken back."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], meter: Meter) -> None:
        self._pieces, self._meter = pieces, meter
        self.handed_out = 0
        self.exhausted = False

    def __iter__(self) -> Iterator[bytes]:
        if self.handed_out:
            self._meter.add(-self.handed_out)
        self.handed_out, self.exhausted = 0, False
        for piece in self._pieces():
            yield piece
            self.handed_out += len(piece)
            self._meter.add(len(piece))
        self.exhausted = True
