"""Files of any size that the service takes, for what has to be large."""

from __future__ import annotations

import struct

from tests.support.samples import iso_media

MIB = 1024 * 1024


def film(size: int) -> bytes:
    """An MP4 of a little more than `size` bytes."""
    frames = bytes(range(256)) * (size // 256)
    return iso_media(b"isom") + struct.pack(">I4s", len(frames) + 8, b"mdat") + frames
