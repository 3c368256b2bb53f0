"""Pictures, from their headers alone: how many pixels they claim, and what follows their end.

Own readers by offsets; nothing is decoded, and a damaged picture that viewers would still show is
no concern of ours. Formats: JPEG (ITU T.81), PNG (W3C), GIF89a, WebP (RFC 9649), TIFF 6, HEIF.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from workers.inspection.checks.boxes import boxes
from workers.inspection.checks.tiff import read_tiff
from workers.inspection.checks.trailers import check_archive_tail, check_trailer
from workers.inspection.limits import Limits, Refusal

_TAIL_BYTES = 66_000
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOS, _EOI = 0xDA, 0xD9
_HEIF_BRANDS = (
    b"heic",
    b"heix",
    b"hevc",
    b"hevx",
    b"heim",
    b"heis",
    b"mif1",
    b"msf1",
    b"avif",
    b"avis",
)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a picture claims: canvas, frames, and the offset behind its last byte."""

    width: int
    height: int
    frames: int
    end: int


def check_picture(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check a picture of one of our types. Raises: Refusal."""
    file.seek(0)
    try:
        extent = _READERS[media_type](file)
    except (struct.error, IndexError) as error:
        raise Refusal("malformed-file", "picture: cut off") from error
    if extent.width < 1 or extent.height < 1:
        _malformed("no size")
    if extent.width * extent.height * extent.frames > limits.pixels:
        raise Refusal("bomb", "picture: too many pixels")
    if media_type == "image/tiff":
        file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
        check_archive_tail(file.read())
    else:
        check_trailer(file, extent.end)


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"picture: {detail}")


def _jpeg(file: BinaryIO) -> Extent:
    data = file.read()
    if not data.startswith(b"\xff\xd8\xff"):
        _malformed("no JPEG")
    width = height = 0
    at = 2
    while found := _MARKER.search(data, at):
        kind, at = found[1][0], found.end()
        if kind == _EOI:
            return Extent(width, height, 1, at)
        if kind in (0x01, 0xD8):
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if kind in _SOF:
            high, wide = struct.unpack_from(">HH", data, at + 3)
            width, height = max(width, wide), max(height, high)
        elif kind == _SOS and not width:
            _malformed("data before the size")
        at += length
    # Cut off before its end: viewers show the part that is there.
    return Extent(width, height, 1, len(data))


def _png(file: BinaryIO) -> Extent:
    if file.read(8) != b"\x89PNG\r\n\x1a\n":
        _malformed("no PNG")
    width = height = 0
    frames = 1
    while True:
        length, kind = struct.unpack(">L4s", file.read(8))
        if not width and (kind, length) != (b"IHDR", 13):
            _malformed("no IHDR first")
        content = file.read(length)
        if file.read(4) != zlib.crc32(content, zlib.crc32(kind)).to_bytes(4, "big"):
            _malformed("checksum")
        if kind == b"IHDR":
            width, height = struct.unpack_from(">LL", content)
            if not width or not height:
                _malformed("no size")
        elif kind == b"acTL":
            frames = max(1, *struct.unpack_from(">L", content))
        elif kind == b"IEND":
            return Extent(width, height, frames, file.tell())


def _gif(file: BinaryIO) -> Extent:
    data = file.read()
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        _malformed("no GIF")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colours(flags)
    frames = 0
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            at += 2
        elif data[at] == 0x2C:
            wide, high, flags = struct.unpack_from("<HHB", data, at + 5)
            width, height, frames = max(width, wide), max(height, high), frames + 1
            at += 11 + _colours(flags)
        else:
            _malformed("GIF block")
        while data[at]:
            at += 1 + data[at]
        at += 1
    if not frames:
        _malformed("no frame")
    return Extent(width, height, frames, at + 1)


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(file: BinaryIO) -> Extent:
    riff, size, webp = struct.unpack("<4sL4s", file.read(12))
    if (riff, webp) != (b"RIFF", b"WEBP"):
        _malformed("no WebP")
    end = 8 + size
    width = height = animated = 0
    while file.tell() + 8 <= end:
        kind, length = struct.unpack("<4sL", file.read(8))
        after = file.tell() + length + length % 2
        wide, high = _webp_size(kind, file.read(min(length, 16)))
        width, height = max(width, wide), max(height, high)
        animated += kind == b"ANMF"
        file.seek(after)
    return Extent(width, height, animated or 1, end)


def _webp_size(kind: bytes, head: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8 ":
        if head[3:6] != b"\x9d\x01\x2a":
            _malformed("VP8 frame")
        wide, high = struct.unpack_from("<HH", head, 6)
        return wide & 0x3FFF, high & 0x3FFF
    if kind == b"VP8L":
        if head[:1] != b"\x2f":
            _malformed("VP8L frame")
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _tiff(file: BinaryIO) -> Extent:
    width, height = read_tiff(file)
    return Extent(width, height, 1, 0)


def _heif(file: BinaryIO) -> Extent:
    top = list(boxes(file))
    if not top or top[0].kind != b"ftyp":
        _malformed("no HEIF")
    file.seek(top[0].start)
    brands = file.read(min(top[0].end - top[0].start, 1024))
    if not any(brand in brands for brand in _HEIF_BRANDS):
        _malformed("no HEIF brand")
    width = height = 0
    for meta in (box for box in top if box.kind == b"meta"):
        # `meta` and `ispe` are full boxes: four bytes of version and flags come first.
        for iprp in (box for box in boxes(file, meta.start + 4, meta.end) if box.kind == b"iprp"):
            for ipco in (box for box in boxes(file, iprp.start, iprp.end) if box.kind == b"ipco"):
                for ispe in (b for b in boxes(file, ipco.start, ipco.end) if b.kind == b"ispe"):
                    file.seek(ispe.start + 4)
                    wide, high = struct.unpack(">LL", file.read(8))
                    if wide * high > width * height:
                        width, height = wide, high
    return Extent(width, height, 1, top[-1].end)


_READERS: dict[str, Callable[[BinaryIO], Extent]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/tiff": _tiff,
    "image/heic": _heif,
    "image/avif": _heif,
}
TYPES = frozenset(_READERS)
