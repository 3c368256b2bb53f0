"""ZIP files byte by byte, so that tests can write the lies that zipfile would not."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass


@dataclass
class Piece:
    """One entry; whatever is set to None is stated truthfully."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    attributes: int = 0
    stated_unpacked: int | None = None
    local_name: bytes | None = None
    crc: int | None = None
    offset: int | None = None
    local_extra: bytes = b""
    extra: bytes = b""
    comment: bytes = b""

    @property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.data
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()

    def fields(self) -> tuple[int, ...]:
        """Flags to unpacked size, as both headers have them."""
        unpacked = len(self.data) if self.stated_unpacked is None else self.stated_unpacked
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        return self.flags, self.method, 0, 33, crc, len(self.packed), unpacked


def make_zip(
    *pieces: Piece, count: int | None = None, before: bytes = b"", after: bytes = b""
) -> bytes:
    """Write the pieces one after another, then directory and end record."""
    body, directory = b"", b""
    for piece in pieces:
        at = len(body) if piece.offset is None else piece.offset
        local = piece.name if piece.local_name is None else piece.local_name
        if piece.offset is None:
            body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *piece.fields(), len(local), 0)
            body = body[:-2] + struct.pack("<H", len(piece.local_extra))
            body += local + piece.local_extra + piece.packed
        directory += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 0x0314, 20, *piece.fields(), len(piece.name)),
            *(len(piece.extra), len(piece.comment), 0, 0, piece.attributes, at),
        )
        directory += piece.name + piece.extra + piece.comment
    return (
        before
        + body
        + directory
        + end_record(count or len(pieces), len(directory), len(body))
        + after
    )


def end_record(count: int, size: int, offset: int) -> bytes:
    """The end of central directory record, without a comment."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, size, offset, 0)
