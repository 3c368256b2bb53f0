"""Files with something behind their end: what cameras, phones and writers put there, and what
strangers do. Tables of data, read like lists.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pyvips

from tests.support import benign_files as honest
from tests.support import second_formats
from tests.support.benign_files import animation, box, film, mpf_segment, picture, xmp_segment
from tests.support.hostile_files import ODT, PDF, ZIP
from tests.support.samples import heic, mp3, ogg, rtf, webm
from tests.support.zip_bytes import Piece, make_zip

JPEG, MP4 = "image/jpeg", "video/mp4"
BURIED = tuple(second_formats.second_formats())
"""Seen only by the worker, who looks through the whole file."""
PAGE = b"<html><script>alert(1)</script>"
_MAKERS_NOTE = b"Exif\0\0II*\0\x08\0\0\0\1\0\x7c\x92\x07\0\4\0\0\0note\0\0\0\0"
INSTA360 = b"8db42d694ccc418790edff439fe026bf"


def photo(*segments: bytes) -> bytes:
    """A JPEG with these segments in front."""
    plain = picture("JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def sectors(content: bytes) -> bytes:
    """A JPEG that ends with a sector of a card, and one more that begins with this content."""
    plain = photo()
    comment = bytes(-(len(plain) + 4) % 512)
    aligned = plain[:2] + struct.pack(">2sH", b"\xff\xfe", 2 + len(comment)) + comment + plain[2:]
    return aligned + content.ljust(512, b"\x1e")


def camera(*segments: bytes) -> bytes:
    """A JPEG with a maker's note in its Exif."""
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(_MAKERS_NOTE)) + _MAKERS_NOTE
    return photo(exif, *segments)


def samsung(content: bytes) -> bytes:
    """A phone's trailer: a block, then a directory that points back at it."""
    block = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + content
    entry = struct.pack("<HHLL", 0, 0x0A30, len(block), len(block))
    directory = b"SEFH" + struct.pack("<LL", 107, 1) + entry
    return block + directory + struct.pack("<L", len(directory)) + b"SEFT"


def tiff(**options: object) -> bytes:
    return bytes(pyvips.Image.black(64, 48, bands=3).tiffsave_buffer(**options))


def big_endian_tiff() -> bytes:
    """One page without pixels, its directory behind a gap."""
    entries = struct.pack(">HHLHH", 256, 3, 1, 64, 0) + struct.pack(">HHLHH", 257, 3, 1, 48, 0)
    return b"MM\0*" + struct.pack(">L", 108) + bytes(100) + b"\0\2" + entries + bytes(4)


def updated_pdf() -> bytes:
    """An incremental update: a comment, a second cross-reference, a second end."""
    first = honest.pdf()
    at = first.rindex(b"startxref")
    return first + b"% signed later\n" + first[at:]


def wav(size: int, after: bytes = b"") -> bytes:
    """A sound whose head says `size`."""
    data = honest.sound() + after
    return data[:4] + struct.pack("<L", size) + data[8:]


def wide_wav(after: bytes = b"") -> bytes:
    """A sound whose sizes stand in 64 bits (RF64), as recorders write what may become long."""
    data = honest.sound()
    wide = struct.pack("<4sLQQQL", b"ds64", 28, len(data) + 28, len(data) - 44, 0, 0)
    full = struct.pack("<L", 0xFFFFFFFF)
    return b"RF64" + full + b"WAVE" + wide + data[12:40] + full + data[44:] + after


def big_endian_wav() -> bytes:
    shape = struct.pack(">4sLHHLLHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    chunks = shape + struct.pack(">4sL", b"data", 400) + bytes(400)
    return struct.pack(">4sL4s", b"RIFX", 4 + len(chunks), b"WAVE") + chunks


def in_backslashes(package: bytes) -> bytes:
    """The same package with the names that old .NET and Windows PowerShell 5.1 write."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return honest.pack(
            {name.replace("/", "\\"): archive.read(name) for name in archive.namelist()}
        )


def webm_of(size: bytes, after: bytes = b"") -> bytes:
    return webm()[:-1] + size + bytes(40) + after


def honest_endings() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes): every one of these must pass."""
    photos = _honest_photos() | _honest_cameras()
    return photos | _honest_sounds() | _honest_others() | second_formats.honest()


def _honest_photos() -> dict[str, tuple[str, bytes]]:
    second = picture("JPEG")
    container = 'Item:Mime="image/jpeg" Item:Semantic="Primary" Item:Mime="image/jpeg"'
    return {
        "two pictures by index": (JPEG, photo(mpf_segment(2)) + second),
        "three with padding": (JPEG, photo(mpf_segment(3)) + second + bytes(999) + second),
        "gain map by container": (JPEG, photo(xmp_segment(container)) + second),
        "motion photo": (JPEG, photo(xmp_segment('GCamera:MotionPhoto="1"')) + film()),
        "micro video": (JPEG, photo(xmp_segment('GCamera:MicroVideo="1"')) + bytes(8) + film()),
        "motion photo with gain map": (
            JPEG,
            photo(xmp_segment(container + ' Item:Mime="video/mp4"')) + second + film(),
        ),
        "samsung motion photo": (JPEG, photo() + samsung(film())),
        "samsung after film": (
            JPEG,
            photo(xmp_segment('Camera:MotionPhoto="1"')) + film() + samsung(b"x"),
        ),
        "insta360 photo": (JPEG, photo() + bytes(range(256)) + INSTA360),
        "vivo photo": (JPEG, photo() + b'vivo{"com.vivo.gallery": 1}'),
        "padded jpeg": (JPEG, photo() + bytes(5000)),
        "jpeg and a line": (JPEG, photo() + b"\r\n"),
        "jpeg cut off": (JPEG, photo()[:-200]),
        "progressive jpeg": (JPEG, picture("JPEG", progressive=True, restart_marker_blocks=1)),
    }


def _honest_cameras() -> dict[str, tuple[str, bytes]]:
    """What is between pictures, and behind them, without being one."""
    second = picture("JPEG")
    return {
        "rests of memory before a preview": (
            JPEG,
            photo(mpf_segment(2)) + b"\xff" * 45 + b"\x1e !" * 149 + second,
        ),
        "debugging before a film": (
            JPEG,
            photo(xmp_segment('GCamera:MotionPhoto="1"'))
            + b"aecDebug"
            + b"\xba<\1" * 8000
            + film(),
        ),
        "filled with ones": (JPEG, photo() + b"\xff" * 300),
        "sector with rests of memory": (JPEG, sectors(b"\xff" * 9)),
        "debugging alone": (JPEG, photo() + b"aecDebug" + bytes(range(256))),
        "preview of a maker's note": (JPEG, camera() + b"\1" * 979 + second),
        "canon's recipe": (
            JPEG,
            photo() + b"CANON OPTIONAL DATA\0" + bytes(300) + b"CANON OPTIONAL DATA\0" + b"\1" * 44,
        ),
        "photo mechanic": (JPEG, photo() + b"\x1c\2\xdd\0\4\0\0\0\1" + b"\0\0\0?cbipcbbl"),
    }


def _honest_others() -> dict[str, tuple[str, bytes]]:
    return {
        "padded png": ("image/png", picture("PNG") + bytes(4096)),
        "moving png": ("image/png", animation("PNG")),
        "padded gif": ("image/gif", animation("GIF") + b"\0"),
        "padded webp": ("image/webp", picture("WEBP") + b"\n"),
        "heic with film": ("image/heic", heic() + box(b"mpvd", film())),
        "tiff by vips": ("image/tiff", tiff()),
        "bigtiff": ("image/tiff", tiff(bigtiff=True)),
        "tiled tiff": ("image/tiff", tiff(tile=True, pyramid=True, compression="deflate")),
        "tiff of big end": ("image/tiff", big_endian_tiff()),
        "updated pdf": (PDF, updated_pdf()),
        "pdf without a last line": (PDF, honest.pdf().rstrip()),
        "padded pdf": (PDF, honest.pdf() + b"\r\n" + bytes(3000)),
        "zip with comment": (ZIP, make_zip(Piece(b"a", b"x"))[:-2] + b"\5\0hello"),
        "film cut off": (MP4, film() + box(b"mdat", bytes(999))[:500]),
        "film without a size": (MP4, film() + b"\0\0\0\0mdat" + bytes(500)),
        "film of a wide size": (
            MP4,
            film() + b"\0\0\0\1mdat" + struct.pack(">Q", 516) + bytes(500),
        ),
        "insta360 film": (MP4, film() + bytes(range(256)) + INSTA360),
        "webm from a browser": ("video/webm", webm_of(b"\x01" + b"\xff" * 7)),
        "webm of a size": ("video/webm", webm_of(b"\xa8")),
        "quicktime as mp4": (MP4, box(b"ftyp", b"qt  \0\0\2\0qt  ") + film()[20:]),
        "zip of powershell": (ZIP, make_zip(Piece(b"a\\"), Piece(b"a\\b.txt", b"x"))),
        "zip of shift jis": (ZIP, make_zip(Piece("表示.txt".encode("cp932"), b"x"))),
        "docx in backslashes": (honest.DOCX, in_backslashes(honest.word())),
        "padded rtf": ("application/rtf", rtf() + b"\r\n\0"),
        "utf-32 txt": ("text/plain", "Text ".encode("utf-32") * 99),
    }


def _honest_sounds() -> dict[str, tuple[str, bytes]]:
    sound = honest.sound()
    return {
        "mp3 with tag": ("audio/mpeg", mp3() + b"TAG" + bytes(125)),
        "wav from a pipe": ("audio/wav", wav(0xFFFFFFFF)),
        "wav never closed": ("audio/wav", wav(0)),
        "wav off by eight": ("audio/wav", wav(len(sound))),
        "wav that forgot a chunk": ("audio/wav", wav(len(sound) - 20)),
        "odd wav": ("audio/wav", wav(len(sound) - 7, b"\1\0")),
        "wav of a wide size": ("audio/wav", wide_wav()),
        "wav of big end": ("audio/wav", big_endian_wav()),
        "ogg of pages": ("audio/ogg", ogg() * 3),
    }


def foreign_endings() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason): every one of these must be refused."""
    return _foreign_photos() | _foreign_others() | second_formats.second_formats()


def _foreign_photos() -> dict[str, tuple[str, bytes, str]]:
    archive, page = make_zip(Piece(b"a", b"x")), PAGE
    moving = photo(xmp_segment('GCamera:MotionPhoto="1"'))
    trailing, second = "trailing-data", "second-format"
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 9) + b"%PDF-1.7\n"
    return {
        "undeclared picture": (JPEG, photo() + photo(), trailing),
        "undeclared film": (JPEG, photo() + film(), trailing),
        "one picture too many": (JPEG, photo(mpf_segment(2)) + photo() + photo(), trailing),
        "one more than a maker's note tells": (JPEG, camera() + photo() + photo(), trailing),
        "a film where a maker's note tells a picture": (JPEG, camera() + film(), trailing),
        "too far from a maker's note": (JPEG, camera() + b"\1" * 70_000 + photo(), trailing),
        "sector with rests of memory, and more": (
            JPEG,
            sectors(b"\xff" * 9) + b"\1",
            trailing,
        ),
        "page in a sector": (JPEG, sectors(b"\xff" * 9 + page), second),
        "zip before a picture": (JPEG, photo(mpf_segment(2)) + archive + photo(), second),
        "page before a picture": (JPEG, photo(mpf_segment(2)) + b"1" + page + photo(), second),
        "script before a picture": (
            JPEG,
            photo(mpf_segment(2)) + b"#!/bin/sh\nrm x\n" + photo(),
            second,
        ),
        "zip instead of a picture": (JPEG, photo(mpf_segment(2)) + archive, trailing),
        "zip behind a film": (JPEG, moving + film() + archive, trailing),
        "zip in a film": (JPEG, moving + film() + box(b"free", archive), second),
        "page in a film": (JPEG, moving + film() + box(b"free", page), second),
        "zip in a maker's trailer": (JPEG, photo() + samsung(archive), second),
        "pdf in a comment": (JPEG, photo(comment), second),
    }


def _foreign_others() -> dict[str, tuple[str, bytes, str]]:
    archive, page = make_zip(Piece(b"a", b"x")), PAGE
    trailing, second = "trailing-data", "second-format"
    return {
        "page behind png": ("image/png", picture("PNG") + bytes(99) + page, trailing),
        "zip in png": ("image/png", zip_in_png(), second),
        "text behind webp": ("image/webp", picture("WEBP") + b"text", trailing),
        "png behind heic": ("image/heic", heic() + picture("PNG"), trailing),
        "zip behind tiff": ("image/tiff", tiff() + archive, second),
        "zip behind film": (MP4, film() + archive, trailing),
        "zip in box": (MP4, film() + box(b"free", archive), second),
        "other box cut off": (MP4, film() + box(b"evil", bytes(99))[:50], "malformed-file"),
        "text behind pdf": (PDF, honest.pdf() + b"text", trailing),
        "zip around an end": (PDF, honest.pdf() + archive[:-2] + b"\5\0%%EOF", second),
        "pdf without an end": (PDF, honest.pdf()[:-9], "malformed-file"),
        "zip behind wav": ("audio/wav", honest.sound() + archive, trailing),
        "zip behind wide wav": ("audio/wav", wide_wav(archive), trailing),
        "zip behind endless wav": ("audio/wav", wav(0xFFFFFFFF, archive), second),
        "zip behind webm": ("video/webm", webm_of(b"\xa8", archive), trailing),
        "zip behind endless webm": ("video/webm", webm_of(b"\xff", archive), second),
        "zip behind ogg": ("audio/ogg", ogg() + archive, trailing),
        "text behind rtf": ("application/rtf", rtf() + b"text", trailing),
        "zip behind rtf": ("application/rtf", rtf() + archive[:-2] + b"\1\0}", second),
        "zip behind wide text": ("text/plain", "Text".encode("utf-16") + archive, "malformed-file"),
        "zip and zip": (ZIP, archive + b"x" + archive, "malformed-file"),
        "docx as zip": (ZIP, honest.word(), "type-mismatch"),
        "odt as zip": (ZIP, honest.opendocument(ODT), "type-mismatch"),
        "odt with packed type": (
            ODT,
            honest.pack({"mimetype": ODT.encode(), "content.xml": b"<a/>"}),
            "type-mismatch",
        ),
    }


def zip_in_png() -> bytes:
    """An archive in a chunk; its comment takes the rest of the picture in."""
    plain = picture("PNG")
    archive = make_zip(Piece(b"a", b"x"))
    end = plain[-12:]
    comment = struct.pack("<H", 4 + len(end))
    content = archive[:-2] + comment
    checksum = zlib.crc32(content, zlib.crc32(b"teXt"))
    chunk = struct.pack(">L4s", len(content), b"teXt") + content + struct.pack(">L", checksum)
    return plain[:-12] + chunk + end
