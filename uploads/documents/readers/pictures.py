"""PNG (W3C), GIF89a and WebP (RFC 9649): how many pixels they claim, and where they end."""

from __future__ import annotations

import re
import struct
import zlib
from typing import NoReturn

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import only_padding_follows
from uploads.documents.readers.window import Ask, Window

_CHUNK = re.compile(rb"[A-Za-z]{4}")
_CHUNK_BYTES = 2**31 - 1
# Bit depths that a colour type may have (PNG, table 11.1).
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_BLOCKS_A_STEP = 16  # of the small blocks that GIF is made of


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"picture: {detail}")


def read_png(window: Window, limits: Limits) -> Ask[None]:
    """Every chunk's head to IEND; checksums of all of them only in a file at rest."""
    if (yield from window.peek(8)) != b"\x89PNG\r\n\x1a\n":
        _malformed("no PNG")
    window.skip(8)
    width, height = yield from _png_header(window)
    limits.check_picture(width, height)
    while True:
        length, kind = struct.unpack(">L4s", (yield from window.take(8)))
        if length > _CHUNK_BYTES or not _CHUNK.fullmatch(kind) or kind == b"IHDR":
            _malformed("PNG chunk")
        if kind == b"acTL" and length == 8:
            (frames,) = struct.unpack(">L", (yield from window.peek(4)).ljust(4, b"\0"))
            limits.check_picture(width, height, max(1, frames))
        yield from _png_content(window, kind, length)
        if kind == b"IEND":
            return (yield from only_padding_follows(window))


def _png_header(window: Window) -> Ask[tuple[int, int]]:
    head = yield from window.take(25)
    length, kind, width, height, depth, colour, packing, filtering, order, checksum = struct.unpack(
        ">L4sLL5BL", head
    )
    if (length, kind) != (13, b"IHDR"):
        _malformed("no IHDR first")
    if checksum != zlib.crc32(head[4:21]):
        _malformed("checksum")
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or order > 1:
        _malformed("IHDR")
    return width, height


def _png_content(window: Window, kind: bytes, length: int) -> Ask[None]:
    if not window.thorough and kind != b"IEND":
        window.skip(length + 4)
        return
    checksum = zlib.crc32(kind)
    while length:
        piece = yield from window.some(length)
        checksum = zlib.crc32(piece, checksum)
        length -= len(piece)
    if (yield from window.take(4)) != checksum.to_bytes(4, "big"):
        _malformed("checksum")


def read_gif(window: Window, limits: Limits) -> Ask[None]:
    """Every block to the trailer; each image in it is a frame of the size of the canvas."""
    head = yield from window.take(13)
    if head[:6] not in (b"GIF87a", b"GIF89a"):
        _malformed("no GIF")
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    window.skip(_colours(flags))
    frames = 0
    while mark := (yield from window.peek(1)):
        window.skip(1)
        if mark == b";":
            break
        if mark == b",":
            wide, high, flags = struct.unpack("<4xHHB", (yield from window.take(9)))
            width, height, frames = max(width, wide), max(height, high), frames + 1
            limits.check_picture(width, height, frames)
            window.skip(_colours(flags) + 1)
        elif mark == b"!":
            window.skip(1)
        else:
            _malformed("GIF block")
        yield from _gif_blocks(window)
    if not frames:
        _malformed("no frame")
    yield from only_padding_follows(window)


def _gif_blocks(window: Window) -> Ask[None]:
    """Pass over a chain of blocks of up to 255 bytes, the last of them empty."""
    while True:
        yield from window.need(1)
        data, at, blocks = window.data, window.at, 0
        end = len(data)
        while at < end:
            size = data[at]
            at += size + 1
            blocks += 1
            if not size:
                window.at = at
                return
        window.at = at
        window.spend(blocks // _BLOCKS_A_STEP)


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def read_webp(window: Window, limits: Limits) -> Ask[None]:
    """Every chunk's head, to the end that RIFF states. Viewers show what of a cut one is there."""
    riff, size, webp = struct.unpack("<4sL4s", (yield from window.take(12)))
    if (riff, webp) != (b"RIFF", b"WEBP"):
        _malformed("no WebP")
    end = 8 + size
    width = height = frames = 0
    while window.position + 8 <= end:
        head = yield from window.peek(8)
        if len(head) < 8:
            break
        window.skip(8)
        kind, length = struct.unpack("<4sL", head)
        wide, high = _webp_size(kind, (yield from window.peek(min(length, 16))))
        width, height, frames = max(width, wide), max(height, high), frames + (kind == b"ANMF")
        limits.check_picture(max(1, width), max(1, height), max(1, frames))
        window.skip(length + length % 2)
    limits.check_picture(width, height)
    if window.position > end + 1:
        _malformed("a chunk behind the stated end")
    yield from only_padding_follows(window)


def _webp_size(kind: bytes, head: bytes) -> tuple[int, int]:
    if kind == b"VP8X" and len(head) >= 10:
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8 ":
        if head[3:6] != b"\x9d\x01\x2a" or len(head) < 10:
            _malformed("VP8 frame")
        wide, high = struct.unpack_from("<HH", head, 6)
        return wide & 0x3FFF, high & 0x3FFF
    if kind == b"VP8L":
        if head[:1] != b"\x2f" or len(head) < 5:
            _malformed("VP8L frame")
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0
