"""A PDF by its bytes alone: where objects begin, and where earlier revisions of it end.

For what tables do not tell. Knows no library and decodes nothing.
"""

from __future__ import annotations

import io
import mmap
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

Bytes = bytes | mmap.mmap
_SPACE = rb"[\0\t\n\f\r ]"
_BETWEEN = rb"(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])"
_WORD = re.compile(rb"obj")
_NUMBERS = re.compile(rb"\d+" + _BETWEEN + rb"+\d+" + _BETWEEN + rb"*\Z")
_NUMBERS_BYTES = 256
_USUAL = re.compile(rb"[^\d](\d+ \d+ )\Z")
_USUAL_BYTES = 16
_LAST = b"\0\t\n\f\r 0123456789"
_END = re.compile(rb"startxref" + _SPACE + rb"+(\d{1,12})" + _SPACE + rb"+%%EOF")
_TABLE = re.compile(_SPACE + rb"*(?:xref|\d+" + _SPACE + rb"+\d+" + _SPACE + rb"+obj)")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")


def bytes_of(file: BinaryIO) -> Bytes:
    """All bytes of a file, mapped where it is one."""
    file.seek(0)
    if isinstance(file, io.BytesIO):
        return file.getvalue()
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def shift_of(data: Bytes) -> int:
    """How many bytes stand before the PDF: offsets count from its own first one."""
    return max(0, data.find(b"%PDF-", 0, 1024))


def heads(data: Bytes) -> Iterator[int]:
    """Yield where the number of each object stands, as programs see it that repair a table."""
    for word in _WORD.finditer(data):
        at = word.start()
        if data[at - 1 : at] in _LAST and at:
            # Nearly always two short numbers, and a space on each side.
            if numbers := _USUAL.search(data[max(0, at - _USUAL_BYTES) : at]):
                yield at - len(numbers[1])
                continue
            window = max(0, at - _NUMBERS_BYTES)
            if numbers := _NUMBERS.search(data[window:at]):
                yield window + numbers.start()


def revisions(data: Bytes) -> Iterator[int]:
    """Yield where each earlier revision ends, the newest first (ISO 32000-1, 7.5.6).

    Only where a table stands at the offset that is named: the first half of a linearized file is
    none, and neither is what stands inside of an attachment.
    """
    ends = [(int(found[1]), found.end()) for found in _END.finditer(data)]
    shift = shift_of(data)
    for table, end in reversed(ends[:-1]):
        at = table + shift
        if _TABLE.match(data[at : at + 64]):
            yield end


def names_unescaped(text: bytes) -> bytes:
    """With every letter of a name as itself (7.3.5)."""
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text) if b"#" in text else text


def beginning(data: Bytes, size: int) -> BinaryIO:
    """The first `size` bytes as a file."""
    return cast(BinaryIO, _Beginning(data, size))


class _Beginning(io.RawIOBase):
    def __init__(self, data: Bytes, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._data[self._at : min(self._size, self._at + len(buffer))]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
