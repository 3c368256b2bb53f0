"""TIFF 6 and BigTIFF: the size of the largest page. By offsets, nothing is decoded.

The format has no end of its own. A stream that has passed a directory leaves the rest to the
worker.
"""

from __future__ import annotations

import struct
from typing import NoReturn

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.window import Ask, Window

_PAGES = 10_000
_ENTRIES = 4096  # of one directory; baseline readers know some forty tags
_ENTRIES_A_STEP = 8
_WIDTH, _LENGTH = 256, 257
_SHORT = 3


def read_tiff(window: Window, limits: Limits) -> Ask[None]:
    """Follow the chain of directories.

    Pages count one by one, not together: only one is ever decoded, and scans have hundreds.
    """
    head = yield from window.take(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        _malformed("no TIFF")
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version not in (42, 43):
        _malformed("no TIFF")
    wide = version == 43
    (at,) = struct.unpack_from(f"{order}L", head, 4)
    if wide:
        (at,) = struct.unpack(f"{order}Q", (yield from window.take(8)))
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= _PAGES:
            _malformed("pages without end")
        seen.add(at)
        window.move_to(at)
        width, height, at = yield from _read_page(window, order, wide)
        limits.check_picture(width, height)
    if not seen:
        _malformed("no size")


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"picture: {detail}")


def _read_page(window: Window, order: str, wide: bool) -> Ask[tuple[int, int, int]]:
    """Read one directory: width, height, and where the next directory is (0: nowhere)."""
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if wide else ("H", 12, "L")
    head = yield from window.take(struct.calcsize(f"<{count_format}"))
    (count,) = struct.unpack(f"{order}{count_format}", head)
    if count > _ENTRIES:
        _malformed("TIFF directory")
    window.spend(count // _ENTRIES_A_STEP)
    entries = yield from window.take(count * entry_bytes)
    tail = yield from window.take(struct.calcsize(f"<{next_format}"))
    found = {_WIDTH: 0, _LENGTH: 0}
    for offset in range(0, len(entries), entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", entries, offset)
        if tag in found:
            value = "H" if kind == _SHORT else "L"
            at = offset + (12 if wide else 8)
            (found[tag],) = struct.unpack_from(f"{order}{value}", entries, at)
    (after,) = struct.unpack(f"{order}{next_format}", tail)
    return found[_WIDTH], found[_LENGTH], after
