"""Where frames of MPEG sound end (ISO/IEC 11172-3, 2.4.1.3); what stands between and behind.

The format has no end of its own, and what is no frame is passed over by players. Tags are known and
skipped: ID3v1 and v2, APE, Lyrics3. Everything else is looked at where it begins.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits
from workers.inspection.checks.beginnings import check_beginning

_BLOCK_BYTES = 256 * 1024
_SEARCH_BYTES = 16 * 1024
_SYNC = re.compile(rb"\xff(?=[\xe2-\xff][\x10-\xef])")
_IN_A_ROW = 3
"""So many frames of one kind that follow each other are no chance."""
_FREE_MOST = 8192
_V1, _V1_MORE, _APE, _V2 = 128, 227, 32, 10
_APE_ITEM = re.compile(rb".{8}[\x20-\x7e]{2,255}\0", re.DOTALL)
_LYRICS_MOST = 5120  # of Lyrics3 v1
# Kilobits a second by version (MPEG-1 or a later half rate) and layer; hertz by version.
_MPEG1 = {
    1: range(32, 449, 32),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_HALF = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG2 = {1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256), 2: _HALF, 3: _HALF}
_RATES = (44_100, 48_000, 32_000)
_DIVIDED = {0: 4, 2: 2, 3: 1}


def check_mpeg(file: BinaryIO, _: str, limits: Limits) -> None:
    """Look at everything that is neither frame nor tag. Raises: Refusal."""
    budget = Budget(limits)
    for start, stop in _Sound(file, budget).gaps():
        check_beginning(file, start, stop)


@cache
def frame_bytes(second: int, third: int) -> int:
    """The length of a frame by the second and third byte of its header; 0 where it is none.

    A free bit rate does not tell it, and is none here.
    """
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bits, rate, padded = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second & 0xE0 != 0xE0 or version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return 0
    bit_rate = (_MPEG1 if version == 3 else _MPEG2)[layer][bits - 1] * 1000
    hertz = _RATES[rate] // _DIVIDED[version]
    if layer == 1:
        return (12 * bit_rate // hertz + padded) * 4
    return (72 if layer == 3 and version != 3 else 144) * bit_rate // hertz + padded


class _Sound:
    """A file of frames and tags. Holds one block of it."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        self._block, self._base = b"", 0
        self._free: int | None = None
        self._end = self._end_of_frames(file.seek(0, io.SEEK_END))

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield where that begins and ends which is no frame and no tag."""
        at = 0
        while at < self._end:
            self._budget.check_time()
            if step := self._frame(at) or self._tag(at):
                at += step
                continue
            start, at = at, self._next_frames(at + 1)
            yield start, at

    def _bytes(self, at: int, size: int) -> bytes:
        place = at - self._base
        if place < 0 or place + size > len(self._block):
            self._file.seek(at)
            self._base, self._block, place = at, self._file.read(max(size, _BLOCK_BYTES)), 0
        return self._block[place : place + size]

    def _frame(self, at: int) -> int:
        """How long the frame is that begins here; 0 where none does."""
        head = self._bytes(at, 3)
        if len(head) < 3 or head[0] != 0xFF:
            return 0
        if length := frame_bytes(head[1], head[2]):
            return length
        if not frame_bytes(head[1], head[2] | 0x10):
            return 0
        if self._free is None:
            self._free = self._free_bytes(at)
        return self._free + (head[2] >> 1 & 1) if self._free else 0

    def _free_bytes(self, at: int) -> int:
        """The length that all frames of a free bit rate have, by the two that follow; 0 if none."""
        data = self._bytes(at, 2 * _FREE_MOST)
        padded, next_ = data[2] >> 1 & 1, data.find(data[:2], 24, _FREE_MOST)
        while next_ > 0:
            length = next_ - padded
            then = next_ + length + (data[next_ + 2] >> 1 & 1)
            if data[then : then + 2] == data[:2] and not data[next_ + 2] >> 4:
                return length
            next_ = data.find(data[:2], next_ + 1, _FREE_MOST)
        return 0

    def _next_frames(self, at: int) -> int:
        while at < self._end - 2:
            data = self._bytes(at, min(_SEARCH_BYTES, self._end - at))
            for mark in _SYNC.finditer(data):
                if self._goes_on(at + mark.start()):
                    return at + mark.start()
            self._budget.check_time()
            at += len(data) - 2
        return self._end

    def _goes_on(self, at: int) -> bool:
        """Whether frames of one version, layer and rate follow each other from here."""
        kind: tuple[int, int] | None = None
        for count in range(_IN_A_ROW):
            if count > 1 and at >= self._end:
                return True
            head = self._bytes(at, 3)
            if len(head) < 3 or head[0] != 0xFF or not (length := frame_bytes(head[1], head[2])):
                return False
            if kind not in (None, (head[1] & 0x1E, head[2] & 0x0C)):
                return False
            kind, at = (head[1] & 0x1E, head[2] & 0x0C), at + length
        return True

    def _tag(self, at: int) -> int:
        """How long the tag is that begins here; 0 where none does."""
        head = self._bytes(at, _APE)
        if head.startswith(b"ID3") and len(head) > _V2 and max(head[6:10]) < 128:
            return (2 if head[5] & 0x10 else 1) * _V2 + _synchsafe(head[6:])
        if head.startswith(b"APETAGEX") and len(head) == _APE:
            return _APE + int.from_bytes(head[12:16], "little")
        if head.startswith(b"TAG"):
            return _V1_MORE if head.startswith(b"TAG+") else _V1
        return 0

    def _end_of_frames(self, end: int) -> int:
        """Where the tags at the end of the file begin."""
        while step := self._tag_before(end):
            self._budget.check_time()
            end -= step
        return end

    def _tag_before(self, end: int) -> int:
        """How long the tag is that ends here; 0 where none does."""
        for size, mark in ((_V1, b"TAG"), (_V1_MORE, b"TAG+")):
            if end >= size and self._read(end - size, len(mark)) == mark:
                return size
        foot = self._read(end - _APE, _APE) if end >= _APE else b""
        if foot.startswith(b"APETAGEX"):
            return self._ape_before(end, foot)
        if foot.endswith((b"LYRICS200", b"LYRICSEND")):
            return self._lyrics_before(end, foot)
        if foot[-_V2:].startswith(b"3DI") and max(foot[-4:]) < 128:
            size = 2 * _V2 + _synchsafe(foot[-4:])
            return size if end >= size and self._read(end - size, 3) == b"ID3" else 0
        return 0

    def _ape_before(self, end: int, foot: bytes) -> int:
        size = int.from_bytes(foot[12:16], "little")
        if not _APE <= size <= end:
            return 0
        if size > _APE and not _APE_ITEM.match(self._read(end - size, 264)):
            return 0
        headed = end >= size + _APE and self._read(end - size - _APE, 8) == b"APETAGEX"
        return size + _APE if headed else size

    def _lyrics_before(self, end: int, foot: bytes) -> int:
        begin = b"LYRICSBEGIN"
        if foot.endswith(b"LYRICS200"):
            size = 15 + int(foot[-15:-9]) if foot[-15:-9].isdigit() else 0
            return size if 0 < size <= end and self._read(end - size, 11) == begin else 0
        before = self._read(max(0, end - _LYRICS_MOST), min(end, _LYRICS_MOST))
        at = before.rfind(begin)
        return len(before) - at if at >= 0 else 0

    def _read(self, at: int, size: int) -> bytes:
        """Bytes near the end, without a whole block."""
        self._file.seek(at)
        return self._file.read(size)


def _synchsafe(number: bytes) -> int:
    """Four times seven bits (ID3v2.4, 6.2)."""
    first, second, third, fourth = number[:4]
    return first << 21 | second << 14 | third << 7 | fourth
