"""Files that are a second file as well: archives anywhere in the bytes, and what begins behind the
frames of a sound or what a TIFF names; and honest ones that look a little like it.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib

from tests.support import samples
from tests.support.benign_files import box, film, pdf, picture
from tests.support.zip_bytes import Piece, make_zip

JPEG, PNG, TIFF, WAV = "image/jpeg", "image/png", "image/tiff", "audio/wav"
MP3, MP4 = "audio/mpeg", "video/mp4"
SECOND = "second-format"
PAGE = b"<html><script>alert(1)</script></html>"
_TEXT = b"hello " * 20


def rar() -> bytes:
    """RAR 5: main header, one stored file, end (RAR 5.0 archive format)."""
    stored = bytes([len(_TEXT)])
    file = b"\2\2" + stored + b"\4" + stored + b"\x20" + struct.pack("<L", zlib.crc32(_TEXT))
    parts = (b"\1\0\0", b""), (file + b"\0\1\5a.txt", _TEXT), (b"\5\0\0", b"")
    made = b"Rar!\x1a\7\1\0"
    for body, data in parts:
        sized = bytes([len(body)]) + body
        made += struct.pack("<L", zlib.crc32(sized)) + sized + data
    return made


def old_rar() -> bytes:
    """RAR 4: its mark and a main header."""
    main = b"\x73" + struct.pack("<HH6x", 0, 13)
    return b"Rar!\x1a\7\0" + struct.pack("<H", zlib.crc32(main) & 0xFFFF) + main


def seven_zip() -> bytes:
    """An empty archive (7zFormat.txt, SignatureHeader)."""
    start = bytes(20)
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start


def cabinet(*, reserved: int = 0) -> bytes:
    """One file without a folder's data (MS-CAB, 2.1)."""
    head = (reserved, 60, reserved, 44, reserved)
    return b"MSCF" + struct.pack("<5L2B5H", *head, 3, 1, 1, 1, 0, 0, 0) + bytes(24)


def ace() -> bytes:
    main = b"\0" + struct.pack("<H", 0x9000) + b"**ACE**" + bytes(20)
    return struct.pack("<HH", ~zlib.crc32(main) & 0xFFFF, len(main)) + main


def arj() -> bytes:
    """A main header (unarj, technote.txt)."""
    main = bytes([30, 11, 1, 0, 0, 0, 2, 0]) + bytes(22) + b"\0\0"
    return b"\x60\xea" + struct.pack("<H", len(main)) + main + struct.pack("<L", zlib.crc32(main))


def lha(level: int = 0) -> bytes:
    body = b"-lh0-" + struct.pack("<LLL", 5, 5, 0) + bytes([0x20, level])
    if level == 2:
        return struct.pack("<H", 26) + body + b"\0\0U\0\0" + b"hello"
    body += b"\1a\0\0"
    return bytes([len(body), sum(body) & 0xFF]) + body + b"hello"


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(_TEXT)
        archive.addfile(member, io.BytesIO(_TEXT))
    return out.getvalue()


def program() -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<L", 64) + b"PE\0\0" + bytes(100)


def with_comment(content: bytes) -> bytes:
    plain = picture("JPEG")
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(content)) + content + plain[2:]


def with_private_chunk(content: bytes) -> bytes:
    plain = picture("PNG")
    made = b"prVt" + content
    chunk = struct.pack(">L", len(content)) + made + struct.pack(">L", zlib.crc32(made))
    return plain[:-12] + chunk + plain[-12:]


def with_chunk(content: bytes) -> bytes:
    """A WAV with a chunk that nobody knows."""
    made = samples.wav() + b"XXXX" + struct.pack("<L", len(content)) + content
    made += b"\0" * (len(content) % 2)
    return made[:4] + struct.pack("<L", len(made) - 8) + made[8:]


def tagged(content: bytes) -> bytes:
    """A sound with these bytes in the tag before it."""
    size = len(content)
    head = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + head + content + samples.mp3()


def tiff() -> bytes:
    return picture("TIFF")


def second_formats() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason): every one of these must be refused."""
    return _archives() | _followed()


def _archives() -> dict[str, tuple[str, bytes, str]]:
    """Each archive in one kind of file, and one archive in each kind."""
    far = make_zip(Piece(b"a", b"x")) + bytes(70_000)
    kinds = {
        "rar": rar(),
        "old rar": old_rar(),
        "7z": seven_zip(),
        "cabinet": cabinet(),
        "cabinet with reserved fields": cabinet(reserved=7),
        "ace": ace(),
        "arj": arj(),
        "lha": lha(),
        "lha 2": lha(2),
    }
    hosts = {
        "jpeg": (JPEG, with_comment),
        "png": (PNG, with_private_chunk),
        "wav": (WAV, with_chunk),
        "mp4": (MP4, lambda content: film() + box(b"free", content)),
        "tag of mp3": (MP3, tagged),
        "tiff": (TIFF, lambda content: tiff() + b"more" + content),
        "mp3": (MP3, lambda content: samples.mp3() + b"more" + content),
    }
    found = {f"{name} in jpeg": (JPEG, with_comment(data), SECOND) for name, data in kinds.items()}
    for name, (media_type, put) in hosts.items():
        found[f"rar in {name}"] = (media_type, put(rar()), SECOND)
    found["zip far from the end of tiff"] = (TIFF, tiff() + far, SECOND)
    found["zip in a tag of mp3"] = (MP3, tagged(far), SECOND)
    return found


def _followed() -> dict[str, tuple[str, bytes, str]]:
    """What begins where a sound or picture ends, or a little later."""
    sound, id3v1 = samples.mp3(), b"TAG" + bytes(125)
    following = {
        "gzip": gzip.compress(tar()),
        "tar": tar(),
        "pdf": pdf(),
        "film": film(),
        "page": PAGE,
        "program": program(),
        "script": b"#!/bin/sh\nexec id\n",
    }
    found = {f"{name} behind mp3": (MP3, sound + data, SECOND) for name, data in following.items()}
    found |= {
        f"{name} behind tiff": (TIFF, tiff() + data, SECOND) for name, data in following.items()
    }
    return found | {
        "picture behind mp3": (MP3, sound + picture("JPEG"), SECOND),
        "picture behind tiff": (TIFF, tiff() + picture("JPEG"), SECOND),
        "pdf behind padding of tiff": (TIFF, tiff() + bytes(2000) + pdf(), SECOND),
        "pdf before a tag": (MP3, sound + pdf() + id3v1, SECOND),
        "pdf behind a tag": (MP3, sound + ape() + pdf(), SECOND),
        "pdf between frames": (MP3, sound + pdf() + sound, SECOND),
        "page after other bytes": (MP3, sound + b"more" + PAGE, SECOND),
        "film behind a free bit rate": (MP3, free_sound() + film(), SECOND),
        "pdf called a tag": (MP3, sound + pdf() + ape(items=pdf())[-32:], SECOND),
    }


def ape(items: bytes = b"\4\0\0\0\0\0\0\0Title\0Name") -> bytes:
    """A tag of version 2, with a header and a footer."""
    end = b"APETAGEX" + struct.pack("<LLLL8x", 2000, len(items) + 32, 1, 1 << 31)
    start = end[:20] + struct.pack("<L", 1 << 31 | 1 << 29) + end[24:]
    return start + items + end


def free_sound(frames: int = 20) -> bytes:
    """Frames that do not say how long they are."""
    return (b"\xff\xfb\x00\xc4" + bytes(700)) * frames


def honest() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes): every one of these must pass."""
    sound, id3v1 = samples.mp3(), b"TAG" + b"Title".ljust(125, b"\0")
    lyrics = b"LYRICSBEGININD00002" + b"10"
    lyrics += b"%06dLYRICS200" % len(lyrics)
    broken = bytearray(arj())
    broken[-1] ^= 1
    return {
        "mp3 with all tags": (MP3, tagged(bytes(99)) + ape() + lyrics + id3v1),
        "mp3 with an old tag of APE": (MP3, sound + ape()[32:] + id3v1),
        "mp3 with other bytes": (MP3, sound + b"\xff\xfb more\x00" + sound + b"more"),
        "mp3 cut off": (MP3, sound[:-100] + id3v1),
        "mp3 that begins in the middle": (MP3, bytes(999) + sound),
        "mp3 of a free bit rate": (MP3, free_sound()),
        "padded tiff": (TIFF, tiff() + bytes(5000)),
        "stack of imagej": (TIFF, tiff() + bytes(range(256)) * 40),
        "tiff with a maker's picture": (TIFF, noted_tiff() + picture("JPEG")),
        "jpeg that writes of archives": (JPEG, with_comment(b"Rar!, 7z, MSCF, **ACE**, -lh5-, PK")),
        "jpeg with marks alone": (
            JPEG,
            with_comment(b"Rar!\x1a\7\2" + b"MSCF\1\2\3" * 9 + b"7z\xbc\xaf\x27\x1c\1" + broken),
        ),
        "markdown of an ace": ("text/markdown", b"An **ACE** of clubs, -lh5-\n" * 9),
    }


def noted_tiff() -> bytes:
    """A page with a maker's note, which may name a picture that nothing else does."""
    entries = struct.pack("<HHLHH", 256, 3, 1, 64, 0) + struct.pack("<HHLHH", 257, 3, 1, 48, 0)
    note = struct.pack("<HHLL", 37500, 7, 4, 0)
    return b"II*\0" + struct.pack("<L", 8) + b"\3\0" + entries + note + bytes(4)
