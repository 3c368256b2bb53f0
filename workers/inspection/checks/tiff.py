"""TIFF 6 and BigTIFF: the size of the largest page. By offsets, nothing is decoded."""

from __future__ import annotations

import struct
from typing import BinaryIO

from workers.inspection.limits import Refusal

_PAGES = 10_000
_WIDTH, _LENGTH = 256, 257
_SHORT = 3


def read_tiff(file: BinaryIO) -> tuple[int, int]:
    """Return width and height of the largest page. Raises: Refusal, struct.error when cut off.

    Pages count one by one, not together: only one is ever decoded, and scans have hundreds.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = struct.unpack_from(f"{order or '<'}H", head, 2)[0]
    if order is None or version not in (42, 43):
        raise Refusal("malformed-file", "picture: no TIFF")
    wide = version == 43
    at = struct.unpack_from(f"{order}Q", head, 8)[0] if wide else _long(order, head, 4)
    seen: set[int] = set()
    best = (0, 0)
    while at:
        if at in seen or len(seen) >= _PAGES:
            raise Refusal("malformed-file", "picture: pages without end")
        seen.add(at)
        file.seek(at)
        size, at = _read_page(file, order, wide)
        best = max(best, size, key=lambda page: page[0] * page[1])
    return best


def _long(order: str, data: bytes, at: int) -> int:
    return int(struct.unpack_from(f"{order}L", data, at)[0])


def _read_page(file: BinaryIO, order: str, wide: bool) -> tuple[tuple[int, int], int]:
    """Read one directory: the page's size, and where the next directory is (0: nowhere)."""
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if wide else ("H", 12, "L")
    count_size, next_size = struct.calcsize(f"<{count_format}"), struct.calcsize(f"<{next_format}")
    (count,) = struct.unpack(f"{order}{count_format}", file.read(count_size))
    if count > 0xFFFF:
        raise Refusal("malformed-file", "picture: TIFF directory")
    entries = file.read(count * entry_bytes)
    (after,) = struct.unpack(f"{order}{next_format}", file.read(next_size))
    found = {_WIDTH: 0, _LENGTH: 0}
    for offset in range(0, len(entries), entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", entries, offset)
        if tag in found:
            value = offset + (12 if wide else 8)
            short = kind == _SHORT
            found[tag] = struct.unpack_from(f"{order}{'H' if short else 'L'}", entries, value)[0]
    return (found[_WIDTH], found[_LENGTH]), after
