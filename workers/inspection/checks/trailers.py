"""Second formats hidden behind the end of a first one.

Cameras append previews, films and maker notes to pictures, so data after the end is no fault by
itself; only what another program would open as a format of its own is.
"""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from workers.inspection.limits import Refusal

_SCAN_BYTES = 64 * 1024 * 1024
_END = struct.Struct("<4s4H2LH")
_FOREIGN = re.compile(
    rb"%PDF-\d|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|<\?php|<!doctype\s+html|"
    rb"<(?:html|script|iframe|svg)[\s>/]",
    re.IGNORECASE,
)


def check_trailer(file: BinaryIO, end: int) -> None:
    """Look at what follows offset `end`. Raises: Refusal."""
    size = file.seek(0, os.SEEK_END)
    if end >= size:
        return
    file.seek(end)
    trailer = file.read(min(size - end, _SCAN_BYTES))
    if trailer.lstrip(b"\0\r\n\t ").startswith((b"#!", b"MZ", b"\x7fELF")) or _FOREIGN.search(
        trailer
    ):
        raise Refusal("malformed-file", "a second format after the end")
    file.seek(max(end, size - 66_000))
    check_archive_tail(file.read())


def check_archive_tail(tail: bytes) -> None:
    """Refuse bytes that a ZIP reader would accept as the end of an archive. Raises: Refusal."""
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if len(tail) - at >= _END.size:
            _, disk, first, here, count, size, _, _ = _END.unpack_from(tail, at)
            directory = tail[max(0, at - size) :][:4] if size <= at else b"PK\1\2"
            if (disk, first) == (0, 0) and here == count and (not count or directory == b"PK\1\2"):
                raise Refusal("malformed-file", "an archive after the end")
        at = tail.rfind(b"PK\5\6", 0, at)
