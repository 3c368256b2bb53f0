"""What a child hands out in pieces before its reply: frames, each a length and so many bytes.

After `ready`: any number of frames (a length of 4 bytes, big-endian, at most `LARGEST`, then the
bytes), one of length 0, and then the reply as ever. What a frame means is the task's business.
Written by a stranger: a length beyond the bound is no frame, and nothing is kept of one but the
part that has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from workers.sandbox.answer import MalformedReply

LARGEST = 1024 * 1024  # bytes in one frame
_HEAD = 4


def framed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces, none of them empty, as frames, and the end of them.

    Raises ValueError for a piece that is larger than a frame: cut, it would mean something else.
    """
    for piece in pieces:
        if len(piece) > LARGEST:
            raise ValueError(f"a frame of {len(piece)} bytes")
        yield len(piece).to_bytes(_HEAD, "big")
        yield piece
    yield bytes(_HEAD)


class Frames:
    """Takes frames off what a child says, as it comes, and passes each on to `take`."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._pending = bytearray()
        self._over = False

    def pass_on(self, said: bytes) -> bytes:
        """Return what of these bytes belongs to the reply. Raises MalformedReply."""
        if self._over:
            return said
        self._pending += said
        while not self._over and (frame := self._next()) is not None:
            if frame:
                self._take(frame)
            else:
                self._over = True
        if not self._over:
            return b""
        rest, self._pending = bytes(self._pending), bytearray()
        return rest

    def _next(self) -> bytes | None:
        """Take one whole frame off; None while it has not come."""
        if len(self._pending) < _HEAD:
            return None
        length = int.from_bytes(self._pending[:_HEAD], "big")
        if length > LARGEST:
            raise MalformedReply(f"a frame of {length} bytes")
        if len(self._pending) < _HEAD + length:
            return None
        frame = bytes(self._pending[_HEAD : _HEAD + length])
        del self._pending[: _HEAD + length]
        return frame
