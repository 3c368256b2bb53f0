"""What a reader of headers sees of a file: a window that moves over it, mostly forward.

A reader is a generator. It asks for bytes with `yield from window.take(n)`, passes over what it
does not want with `window.skip(n)`, and raises Refusal. So it is written as if it had the file,
and what it decides cannot depend on how the bytes came in pieces. Two drivers run the same reader:
`Walk` over a stream that passes by once, `walk_file` over a file. Only the second one can go back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from typing import BinaryIO, TypeVar

from uploads.documents.readers.limits import Refusal

T = TypeVar("T")
Ask = Generator[int, bool, T]
"""Yields how many bytes are wanted; is sent whether they came, or the file ended before."""

CHUNK_BYTES = 1024 * 1024
# A file in pieces this small is made to cost time. Honest ones stay far away from both.
_FREE_STEPS = 100_000
_BYTES_A_STEP = 1024
# Of a stream, so many at a time: whoever else is served by this thread goes on in between.
_STEPS_AT_ONCE = 2_000
_AN_INSTANT = 1e-6


class CutOff(Exception):
    """Raised when the file ends in the middle of what a reader asked for."""


class OutOfReach(Exception):
    """Raised when a decision needs bytes that the stream has not kept: the worker makes it."""


class Window:
    """The bytes at hand. `at` is where the reader stands in `data`, and may lie behind its end.

    `extras_at` is where that begins which stands behind the end of the format and is no padding.
    """

    def __init__(self, *, thorough: bool) -> None:
        """`thorough` is for a file at rest: go back where a format says so, check all checksums."""
        self.thorough = thorough
        self.data = b""
        self.at = 0
        self.base = 0
        self.end: int | None = None
        self.extras_at: int | None = None
        self._steps = 0
        self._turn_ends = _STEPS_AT_ONCE

    @property
    def position(self) -> int:
        """Offset in the file, in bytes."""
        return self.base + self.at

    @property
    def passed_the_end(self) -> bool:
        """Whether more was skipped than there is; known only once the file has ended."""
        return self.end is not None and self.position > self.end

    def peek(self, size: int) -> Ask[bytes]:
        """The next bytes, which stay; fewer only at the end of the file."""
        self.spend(1)
        if self.at < 0 or len(self.data) - self.at < size:
            yield size
        return self.data[self.at : self.at + size]

    def take(self, size: int) -> Ask[bytes]:
        """The next bytes. Raises CutOff when there are not so many."""
        found = yield from self.peek(size)
        if len(found) < size:
            raise CutOff
        self.at += size
        return found

    def need(self, size: int) -> Ask[None]:
        """See to it that so many bytes are in `data` at `at`. Raises CutOff."""
        if len((yield from self.peek(size))) < size:
            raise CutOff

    def some_of(self, size: int) -> Ask[bytes]:
        """The next bytes, consumed; fewer only at the end of the file."""
        found = yield from self.peek(size)
        self.at += len(found)
        return found

    def some(self, most: int) -> Ask[bytes]:
        """What is at hand, consumed: at least one byte, and at most so many. Raises CutOff."""
        yield from self.need(1)
        found = self.data[self.at : self.at + most]
        self.at += len(found)
        return found

    def skip(self, size: int) -> None:
        """Pass over bytes, unseen."""
        self.at += size

    def rest(self) -> Ask[bytes]:
        """Some of what follows, consumed; nothing only at the end of the file."""
        if not 0 <= self.at < len(self.data):
            yield 1
        found = self.data[self.at :] if self.at else self.data
        self.at += len(found)
        return found

    def move_to(self, offset: int) -> None:
        """Go to an offset in the file. Raises OutOfReach for a way back that is not there."""
        self.at = offset - self.base
        if self.at < 0 and not self.thorough:
            raise OutOfReach

    def spend(self, steps: int) -> None:
        """Count steps, so that no file can buy more time than its bytes are worth."""
        self._steps += steps
        if self._steps > _FREE_STEPS + self.position // _BYTES_A_STEP:
            raise Refusal("malformed-file", "divided into too many small pieces")
        if self._steps > self._turn_ends and not self.thorough:
            self._turn_ends = self._steps + _STEPS_AT_ONCE
            time.sleep(_AN_INSTANT)


Reader = Callable[[Window], Ask[None]]


class Walk:
    """Runs a reader over a stream. After it has returned, or is out of reach, nothing is looked at.

    Between two pieces it holds no more than what the reader waits for.
    """

    def __init__(self, reader: Reader) -> None:
        self._window = Window(thorough=False)
        self._steps = reader(self._window)
        self._held: list[bytes] = []
        self._missing = 0
        self.done = False
        self._run(None)

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Raises Refusal."""
        if self.done or not piece:
            return
        window = self._window
        gap = window.at - len(window.data)
        if gap >= 0:
            # Nothing is kept: the reader stands at the end of what it saw, or beyond.
            passed = min(gap, len(piece))
            window.base, window.at, piece = window.base + passed, gap - passed, piece[passed:]
            if not piece:
                return
        self._held.append(piece)
        self._missing -= len(piece)
        if self._missing <= 0:
            self._join()
            self._run(True)

    def close(self) -> None:
        """Say that the file has ended. Raises Refusal."""
        if self.done:
            return
        self._join()
        self._window.end = self._window.base + len(self._window.data)
        while not self.done:
            self._run(False)

    def _join(self) -> None:
        """Put what was held behind what the reader has not taken yet."""
        self._drop()
        self._window.data = b"".join([self._window.data, *self._held])
        self._held = []

    def _drop(self) -> None:
        """Let go of what the reader has taken."""
        window = self._window
        taken = min(window.at, len(window.data))
        window.data = window.data[taken:]
        window.base, window.at = window.base + taken, window.at - taken

    def _run(self, came: bool | None) -> None:
        """Let the reader go on until it wants more than there is."""
        window = self._window
        try:
            wanted = self._steps.send(came)  # type: ignore[arg-type]
        except (StopIteration, OutOfReach):
            self.done = True
            self._window.data = b""
        except CutOff as error:
            raise Refusal("malformed-file", "cut off") from error
        else:
            self._missing = wanted - max(0, len(window.data) - window.at)
            # A slow client's next piece may be minutes away: what was taken goes now.
            self._drop()


def walk_file(file: BinaryIO, reader: Reader) -> Window:
    """Run a reader over a file, which it may read in any order. Raises Refusal."""
    window = Window(thorough=True)
    window.end = file.seek(0, os.SEEK_END)
    steps = reader(window)
    try:
        wanted = next(steps)
        while True:
            window.base, window.at = window.position, 0
            window.data = _read(file, window, max(wanted, CHUNK_BYTES))
            wanted = steps.send(len(window.data) >= wanted)
    except StopIteration:
        return window
    except CutOff as error:
        raise Refusal("malformed-file", "cut off") from error


def _read(file: BinaryIO, window: Window, size: int) -> bytes:
    """Bytes from where the reader stands: an offset out of a file may be any number."""
    if window.end is None or window.base >= window.end:
        return b""
    file.seek(window.base)
    return file.read(size)
