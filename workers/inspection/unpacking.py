"""Streams that are packed as one (gzip, bzip2, xz, zlib), unpacked piece by piece. Cell only.

However little goes in, no more than CHUNK_BYTES come out at a time, and a limit can be judged.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from uploads.documents.readers.limits import Refusal

CHUNK_BYTES = 256 * 1024
_DICTIONARY_BYTES = 192 * 1024 * 1024
_NULLS = b"\0"
_LZMA_HEAD = struct.Struct("<BLQ")
_ZIP_LZMA_HEAD = struct.Struct("<2HBL")
_LZMA_PROPERTIES_BYTES = 5
_LZMA_SIZE = 1 << 38  # as xz: what says that it is larger is something else
_LZMA_UNKNOWN = (1 << 64) - 1
_LZMA_TRIED = 64  # bytes that come out of hardly anything else
_STEP_BYTES = 64


class Unpacker(Protocol):
    """What bz2 and lzma have: input that was not used up yet stays inside."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflater:
    """zlib with the manners of the others. `window_bits` as `zlib.decompressobj` has it."""

    def __init__(self, window_bits: int) -> None:
        self._inflater = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail and not self._full

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        found = self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)
        self._full = len(found) >= max_length
        return found

    _full = False


def gunzip() -> Unpacker:
    return Inflater(16 + zlib.MAX_WBITS)


def inflate() -> Unpacker:
    """Without head or checksum, as ZIP has it."""
    return Inflater(-zlib.MAX_WBITS)


def bunzip2() -> Unpacker:
    return bz2.BZ2Decompressor()


def unxz() -> Unpacker:
    """Also the older format without a checksum."""
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_DICTIONARY_BYTES)


def unlzma() -> Unpacker:
    """The older format alone, as `as_lzma_file` makes it out of an entry of a ZIP."""
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_DICTIONARY_BYTES)


def as_lzma_file(packed: Iterator[bytes], size: int) -> Iterator[bytes]:
    """An entry of a ZIP (APPNOTE 5.8.8) as the file of lzma that it would be; `size` as stated.

    It has the version of the program instead of a length. Raises: Refusal.
    """
    first = next(packed, b"")
    if len(first) < _ZIP_LZMA_HEAD.size:
        raise Refusal("malformed-file", "zip: a head of lzma")
    _, length, properties, dictionary = _ZIP_LZMA_HEAD.unpack_from(first)
    if length != _LZMA_PROPERTIES_BYTES:
        raise Refusal("malformed-file", "zip: a head of lzma")
    yield _LZMA_HEAD.pack(properties, dictionary, size) + first[_ZIP_LZMA_HEAD.size :]
    yield from packed


def begins_as_lzma(head: bytes) -> bool:
    """Whether this is the beginning of a file of lzma (xz's `lzma-file-format.txt`).

    It has no magic, and any numbers may stand in its head. So it is unpacked a little, with a small
    dictionary: other bytes soon point at what was not there yet.
    """
    if len(head) <= _LZMA_HEAD.size or head[_LZMA_HEAD.size]:
        return False
    properties, dictionary, size = _LZMA_HEAD.unpack_from(head)
    if not _is_lzma_dictionary(dictionary) or _LZMA_SIZE <= size < _LZMA_UNKNOWN:
        return False
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    found = bytearray()
    try:
        unpacker.decompress(_LZMA_HEAD.pack(properties, CHUNK_BYTES, size))
        for at in range(_LZMA_HEAD.size, len(head), _STEP_BYTES):
            found += unpacker.decompress(head[at : at + _STEP_BYTES], CHUNK_BYTES)
            if unpacker.eof or len(found) >= CHUNK_BYTES:
                break
    except lzma.LZMAError:
        return len(found) >= _LZMA_TRIED and any(found)
    return any(found)


def _is_lzma_dictionary(size: int) -> bool:
    """Two to a power, or half as much again: xz and 7-Zip open no other without being told to."""
    power = size // 3 if size % 3 == 0 else size
    return size >= 1 << 12 and power & (power - 1) == 0


def unpacked(
    packed: Iterator[bytes],
    make: Callable[[], Unpacker],
    *,
    padding: bytes = _NULLS,
    repeats: bool = True,
) -> Iterator[bytes]:
    """Unpack pieces with what `make` makes; `padding` may follow.

    `repeats` says that more of the same may follow as well. Raises: Refusal.
    """
    unpacker = make()
    try:
        for piece in packed:
            left: bytes | None = piece
            while left is not None:
                if unpacker.eof:
                    if not (left := left.lstrip(padding)):
                        break
                    if not repeats:
                        raise Refusal("malformed-file", "data after the end of a stream")
                    unpacker = make()
                found = unpacker.decompress(left, CHUNK_BYTES)
                if found:
                    yield found
                left = _left(unpacker) if left or found else None
    except lzma.LZMAError as error:
        raise _refusal(error) from error
    except (zlib.error, OSError, EOFError) as error:
        raise Refusal("malformed-file", "a compressed stream is damaged") from error
    if not unpacker.eof:
        raise Refusal("malformed-file", "a compressed stream is cut off")


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces to such of CHUNK_BYTES and more."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= CHUNK_BYTES:
            yield b"".join(held)
            held, length = [], 0
    if length:
        yield b"".join(held)


def _left(unpacker: Unpacker) -> bytes | None:
    """What is to be given to it before the next piece; nothing where it wants that."""
    if unpacker.eof:
        return unpacker.unused_data or None
    return None if unpacker.needs_input else b""


def _refusal(error: lzma.LZMAError) -> Refusal:
    if "memory" in str(error).lower():
        return Refusal("bomb", "xz: a dictionary too large")
    return Refusal("malformed-file", "a compressed stream is damaged")
