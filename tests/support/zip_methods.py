"""ZIPs whose entries are packed otherwise than by deflate, or came into their program by a pipe."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zipfile
import zlib

from tests.support.hostile_files import eicar
from tests.support.zip_bytes import Piece, make_zip

BZIP2, DEFLATE64, LZMA = 12, 9, 14
_PIPE = 0o010600 << 16
_DICTIONARY = 1 << 20


def _written(method: int, data: bytes) -> bytes:
    """As Python's own library writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.txt", data)
        archive.writestr("empty", b"")
    return out.getvalue()


def _entry(packed: bytes, data: bytes, method: int, stated: int | None = None) -> bytes:
    size = len(data) if stated is None else stated
    return make_zip(Piece(b"a", packed, method, stated_unpacked=size, crc=zlib.crc32(data)))


def _lzma(data: bytes, dictionary: int = _DICTIONARY, head: int = 5) -> bytes:
    """By 7-Zip: the end is where the length says, without a mark."""
    packed = lzma.compress(data, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1}])
    return struct.pack("<2HBL", 0x0210, head, packed[0], dictionary) + packed[13:]


def honest() -> dict[str, bytes]:
    text = b"text " * 99_999
    return {
        "bzip2": _written(BZIP2, text),
        "lzma": _written(LZMA, text),
        "lzma by a length": _entry(_lzma(text), text, LZMA),
        "what came by a pipe": make_zip(Piece(b"-", text, attributes=_PIPE)),
    }


def infected() -> dict[str, bytes]:
    virus = eicar() + b"\n"
    return {
        "bzip2": _written(BZIP2, virus),
        "lzma": _written(LZMA, virus),
        "a pipe": make_zip(Piece(b"-", virus, attributes=_PIPE)),
    }


def refused() -> dict[str, tuple[bytes, str]]:
    """Return label → (bytes, reason)."""
    text = b"text " * 99
    zeros = bytes(64 << 20)
    packed = bz2.compress(text)
    return {
        "deflate64": (_entry(text, text, DEFLATE64), "unknown-packing"),
        "a bomb of bzip2": (_entry(bz2.compress(zeros), zeros, BZIP2), "bomb"),
        "a bomb of lzma": (_entry(_lzma(zeros), zeros, LZMA), "bomb"),
        "bzip2 that is longer than stated": (_entry(packed, text[:9], BZIP2), "malformed-file"),
        "lzma that is longer than stated": (_entry(_lzma(text), text[:9], LZMA), "malformed-file"),
        "lzma that is shorter": (_entry(_lzma(text), text, LZMA, 999), "malformed-file"),
        "a second stream of bzip2": (_entry(packed * 2, text * 2, BZIP2), "malformed-file"),
        "bytes behind bzip2": (_entry(packed + b"x", text, BZIP2), "malformed-file"),
        "bytes behind lzma": (_entry(_written_lzma(text) + b"x", text, LZMA), "malformed-file"),
        "a vast dictionary": (_entry(_lzma(text, 1 << 31), text, LZMA), "bomb"),
        "a head of another length": (_entry(_lzma(text, head=6), text, LZMA), "malformed-file"),
        "hardly a head": (_entry(b"\x10\x02\5\0\x5d", text, LZMA), "malformed-file"),
        "a pipe of another name": (
            make_zip(Piece(b"a", text, attributes=_PIPE)),
            "malformed-file",
        ),
    }


def _written_lzma(data: bytes) -> bytes:
    """With a mark at its end."""
    out = io.BytesIO(_written(LZMA, data))
    with zipfile.ZipFile(out) as archive:
        info = archive.getinfo("a.txt")
        out.seek(info.header_offset + 30 + len("a.txt"))
        return out.read(info.compress_size)
