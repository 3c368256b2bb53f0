"""Pictures that move, with as many frames as wanted: of one pixel, and hardly a byte."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

_GIF_FRAME = b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\2\1\x44\0"


def with_frames(form: str, picture: bytes, frames: int) -> bytes:
    """A picture of three frames, with more of them until it has so many."""
    more = frames - 3
    if form == "GIF":
        return picture[:-1] + _GIF_FRAME * more + b";"
    if form == "PNG":
        at = picture.index(b"acTL")
        stated = b"acTL" + struct.pack(">LL", frames, 0)
        return picture[:at] + stated + struct.pack(">L", zlib.crc32(stated)) + picture[at + 16 :]
    body = picture[12:] + _webp_frame() * more
    return b"RIFF" + struct.pack("<L", 4 + len(body)) + b"WEBP" + body


def _webp_frame() -> bytes:
    """ANMF (RFC 9649, section 2.7.1.1): place, size and time of a picture, and the picture."""
    made = io.BytesIO()
    Image.new("RGB", (1, 1)).save(made, "WEBP", lossless=True)
    content = bytes(12) + struct.pack("<L", 50) + made.getvalue()[12:]
    return b"ANMF" + struct.pack("<L", len(content)) + content
