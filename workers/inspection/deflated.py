"""Streams of zlib (RFC 1950) that stand in other bytes: in old Office files, pictures and tags.

PowerPoint packs embedded documents and macros so, PNG its longer texts, ID3 its frames. What says
where they are differs, so they are looked for by their heads, and what comes out tells whether it
was one. For the parser cell.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from uploads.documents.readers.limits import Budget
from workers.inspection.unpacking import CHUNK_BYTES

_HEAD = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_FED_BYTES = 64 * 1024
_LEAST_BYTES = 64
_TRIED_BYTES = 1024  # so much comes out of nothing else by chance
_STEPS_PER_TRY = 4
_PNG_HEAD = 8
_PNG_NOTES = (b"zTXt", b"iTXt", b"iCCP")
_PNG_CHUNK = struct.Struct(">L4s")
_ID3_HEAD = struct.Struct(">3s2BB4B")
_UNSYNCHRONISED = 0x80


def begins_as_zlib(head: bytes) -> bool:
    """Whether a stream with the usual head begins here, and unpacks."""
    return _HEAD.match(head) is not None and _unpacks(head)


def inflated(data: bytes, budget: Budget) -> Iterator[Iterator[bytes]]:
    """Yield every stream in the bytes, unpacked piece by piece: read each before the next.

    One that begins within another is none by itself. Raises: Refusal, for more tries than a file of
    its size needs.
    """
    budget.begin(len(data))
    at = 0
    while found := _HEAD.search(data, at):
        at = found.start() + 1
        budget.look(_STEPS_PER_TRY)
        if _unpacks(data[found.start() : found.start() + _FED_BYTES]):
            stream = _Stream(data, found.start())
            yield stream.pieces()
            at = max(at, stream.end)


def whole(file: BinaryIO) -> Iterator[bytes]:
    """Unpack a file that is one stream; what follows it is none, and a damaged end the end."""
    file.seek(0)
    yield from _Stream(file.read(), 0).pieces()


def png_notes(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield what stands in chunks of text and of colours that may be packed (PNG, 11.3)."""
    file.seek(_PNG_HEAD)
    while len(head := file.read(_PNG_CHUNK.size)) == _PNG_CHUNK.size:
        size, kind = _PNG_CHUNK.unpack(head)
        if kind in _PNG_NOTES:
            yield file.read(size)
            file.seek(4, 1)
        else:
            file.seek(size + 4, 1)
        budget.check_time()


def id3_tag(file: BinaryIO) -> Iterator[bytes]:
    """Yield the tag before the sound (ID3v2.3, 3.1), with and without what keeps it apart."""
    file.seek(0)
    head = file.read(_ID3_HEAD.size)
    if len(head) < _ID3_HEAD.size or not head.startswith(b"ID3"):
        return
    *_, flags, first, second, third, fourth = _ID3_HEAD.unpack(head)
    tag = file.read((first & 127) << 21 | (second & 127) << 14 | (third & 127) << 7 | fourth & 127)
    yield tag
    if flags & _UNSYNCHRONISED or b"\xff\0" in tag:
        yield tag.replace(b"\xff\0", b"\xff")


class _Stream:
    """One stream; `end` is where it was found to end, once its pieces were read."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self.end = start

    def pieces(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj()
        view, at = memoryview(self._data), self.end
        while at < len(view) and not inflater.eof:
            piece: bytes | memoryview = view[at : at + _FED_BYTES]
            at += len(piece)
            while piece and not inflater.eof:
                try:
                    found = inflater.decompress(piece, CHUNK_BYTES)
                except zlib.error:
                    return
                if found:
                    yield found
                piece = inflater.unconsumed_tail
        self.end = at - len(inflater.unused_data)


def _unpacks(packed: bytes) -> bool:
    """Whether it ends as it should, or goes on for longer than by chance."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(packed, _TRIED_BYTES)
    except zlib.error:
        return False
    return len(found) >= _TRIED_BYTES or (inflater.eof and len(found) >= _LEAST_BYTES)
