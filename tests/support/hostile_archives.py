"""ZIP files that strangers send: bombs, lies, names that lead elsewhere. None may be clean."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zlib

from tests.support.benign_files import pack
from tests.support.hostile_files import ZIP, eicar_zip
from tests.support.zip_bytes import Piece, end_record, make_zip


def deflated_zeros(size: int, name: bytes = b"zeros") -> Piece:
    """An entry of so many zeros; packed as a stream, never held unpacked."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    block, crc, packed = bytes(1024 * 1024), 0, []
    for _ in range(size // len(block)):
        packed.append(deflater.compress(block))
        crc = zlib.crc32(block, crc)
    packed.append(deflater.flush())

    class Packed(Piece):
        @property
        def packed(self) -> bytes:
            return b"".join(packed)

    return Packed(name, stated_unpacked=size, crc=crc)


def lying_bomb(stated: int = 10) -> bytes:
    """64 MiB of zeros that both headers call ten bytes."""
    piece = deflated_zeros(64 * 1024 * 1024)
    piece.stated_unpacked = stated
    return make_zip(piece)


def overlapping_zip() -> bytes:
    """A thousand entries that all point at one local header."""
    kernel = Piece(b"a", bytes(100_000))
    shadows = (Piece(b"a%d" % n, kernel.data, local_name=b"a", offset=0) for n in range(999))
    return make_zip(kernel, *shadows)


def two_end_records() -> bytes:
    """Read from the back it has one text; read from the front, another archive within that text,
    whose comment is all that follows."""
    hidden = b"a text, " + make_zip(Piece(b"hidden", b"x" * 99, 0))
    whole = make_zip(Piece(b"a", hidden, 0))
    comment = len(whole) - whole.index(b"PK\5\6") - 22
    return make_zip(Piece(b"a", hidden[:-2] + comment.to_bytes(2, "little"), 0))


def many_empty_entries(count: int = 200_000) -> bytes:
    """Truthful in everything, ZIP64 record included."""
    local, directory = io.BytesIO(), io.BytesIO()
    for number in range(count):
        name = b"%06d" % number
        fields = (0, 0, 0, 33, 0, 0, 0)
        at = local.tell()
        local.write(struct.pack("<4s5H3L2H", b"PK\3\4", 20, *fields, len(name), 0) + name)
        head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 788, 20, *fields, len(name), 0, 0, 0, 0, 0, at)
        directory.write(head + name)
    size, at = directory.tell(), local.tell()
    end = wide_end(count, size, at) + end_record(0xFFFF, size, at)
    return local.getvalue() + directory.getvalue() + end


def wide_end(count: int, size: int, at: int) -> bytes:
    """The end record of ZIP64 and its locator (APPNOTE 4.3.14, 4.3.15)."""
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    return wide + struct.pack("<4sLQL", b"PK\6\7", 0, at + size, 1)


def flushed_zeros(size: int) -> bytes:
    """So many zeros, deflated so that more of the same may follow."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(bytes(size)) + deflater.flush(zlib.Z_FULL_FLUSH)


def bad_names() -> dict[str, tuple[str, bytes, str]]:
    """Archives whose one entry has a name that leads elsewhere, or is no name."""
    names = (
        "../../x",
        "/abs",
        "C:\\x",
        "a\\..\\b",
        "\\abs",
        "a/..\\b",
        "a\0b",
        "x" * 5000,
        "a/../../b",
        "C:/x",
        "a\nb",
    )
    return {
        f"name {name[:9]!r}": (ZIP, make_zip(Piece(name.encode(), b"x")), "malformed-file")
        for name in names
    }


def bombs() -> dict[str, tuple[str, bytes, str]]:
    """Archives that unpack to more than they may, or say so."""
    zeros = make_zip(deflated_zeros(64 * 1024 * 1024))
    stated = Piece(b"a", bytes(99), stated_unpacked=4294967294)
    return {
        "packed in a folder": (
            ZIP,
            make_zip(Piece(b"a/", bytes(range(256)) * 9, stated_unpacked=0, crc=0)),
            "malformed-file",
        ),
        "one name in two ways": (
            ZIP,
            make_zip(Piece(b"a/b", b"x"), Piece(b"a\\b", b"y")),
            "malformed-file",
        ),
        "overlap": (ZIP, overlapping_zip(), "bomb"),
        "4 gigabytes": (ZIP, make_zip(stated), "bomb"),
        "ratio": (ZIP, zeros, "bomb"),
        "nested bomb": (ZIP, pack({"a.zip": zeros}), "bomb"),
        "lying size": (ZIP, lying_bomb(), "malformed-file"),
    }


def beside_entries() -> dict[str, tuple[str, bytes, str]]:
    """Archives whose second one lies where no entry is."""
    hidden = eicar_zip()
    field = struct.pack("<2H", 0x4242, len(hidden)) + hidden
    longer = hidden + b" " * 9
    found = {
        "zip in an extra field": make_zip(Piece(b"a", b"x", local_extra=field)),
        "zip in an extra field of the directory": make_zip(Piece(b"a", b"x", extra=field)),
        "zip in a comment": make_zip(Piece(b"a", b"x", comment=hidden)),
        "pdf in an extra field": make_zip(
            Piece(b"a", local_extra=b"BB\x99\0%PDF-1.7" + bytes(145))
        ),
        "gzip in the last comment": make_zip(Piece(b"a", b"x"))[:-2]
        + struct.pack("<H", len(packed := gzip.compress(longer)))
        + packed,
    }
    return {label: (ZIP, data, "second-format") for label, data in found.items()}


def special_members() -> dict[str, tuple[str, bytes, str]]:
    """Archives with a link, a device, a pipe or a socket, by the mode of Unix."""
    kinds = {
        "symlink": stat.S_IFLNK,
        "device": stat.S_IFBLK,
        "terminal": stat.S_IFCHR,
        "pipe": stat.S_IFIFO,
        "socket": stat.S_IFSOCK,
    }
    found = {
        label: Piece(b"a", b"/etc/passwd", attributes=(kind | 0o777) << 16)
        for label, kind in kinds.items()
    }
    return {label: (ZIP, make_zip(piece), "malformed-file") for label, piece in found.items()}


def archives() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason) of ZIP files that structure must refuse."""
    stored = Piece(b"a", b"x", 0)
    nested = make_zip(Piece(b"b", b"y"))
    return (
        beside_entries()
        | bad_names()
        | bombs()
        | special_members()
        | {
            "zipcrypto": (ZIP, make_zip(Piece(b"a", b"x" * 13, 0, flags=1)), "encrypted"),
            "aes": (ZIP, make_zip(Piece(b"a", b"x" * 13, 99, flags=1)), "encrypted"),
            "too deep": (ZIP, eicar_zip(4), "too-deep"),
            "prefix": (ZIP, make_zip(stored, before=b"#!/bin/sh\n"), "malformed-file"),
            "trailing data": (ZIP, make_zip(stored, after=b"x"), "trailing-data"),
            "one end record in the comment of another": (ZIP, two_end_records(), "malformed-file"),
            "two archives": (ZIP, make_zip(stored) + nested, "malformed-file"),
            "other local name": (
                ZIP,
                make_zip(Piece(b"a", b"x", local_name=b"b")),
                "malformed-file",
            ),
            "twice one name": (ZIP, make_zip(stored, stored), "malformed-file"),
            "wrong checksum": (ZIP, make_zip(Piece(b"a", b"x", crc=1)), "malformed-file"),
            "lying count": (ZIP, make_zip(stored, Piece(b"b"), count=1), "malformed-file"),
            "unknown method": (ZIP, make_zip(Piece(b"a", b"x", 77)), "malformed-file"),
            "deflate64": (ZIP, make_zip(Piece(b"a", b"x", 9)), "unknown-packing"),
            "cut off": (ZIP, make_zip(stored)[:-9], "malformed-file"),
            "nothing but a signature": (ZIP, b"PK\3\4", "malformed-file"),
        }
    )
