"""The ISO base media format (ISO/IEC 14496-12, 4.2): MP4, MOV, HEIC, AVIF.

Boxes follow each other from the first byte to the last. The last one may be cut: films that were
cut off are played all the same.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import only_a_named_trailer_follows
from uploads.documents.readers.window import Ask, OutOfReach, Window

_KIND = re.compile(rb"[\x20-\x7e\xa9]{4}")
_FIRST = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"}
_MAY_BE_CUT = {b"mdat", b"moov", b"moof", b"free", b"skip"}
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
)
_FTYP_BYTES = 1024
_META_BYTES = 1024 * 1024  # of a picture's table that is read at the door
_META_BYTES_AT_REST = 16 * _META_BYTES


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four letters, and how many bytes of content follow (None: to the end)."""

    kind: bytes
    size: int | None


def next_box(window: Window) -> Ask[Box | None]:
    """Read a box's head; None, and nothing consumed, where there is none.

    Raises Refusal when the box before was cut off that must not be.
    """
    head = yield from window.peek(16)
    if len(head) < 8 or not _KIND.fullmatch(head[4:8]):
        return None
    size, length = int.from_bytes(head[:4], "big"), 8
    if size == 1 and len(head) == 16:
        size, length = int.from_bytes(head[8:16], "big"), 16
    if size and size < length:
        return None
    window.skip(length)
    return Box(head[4:8], size - length if size else None)


def walk_boxes(window: Window) -> Ask[Box | None]:
    """Pass over boxes up to what is none; the last one."""
    last: Box | None = None
    while box := (yield from next_box(window)):
        last = box
        yield from pass_over(window, box)
    if window.passed_the_end and last is not None and last.kind not in _MAY_BE_CUT:
        raise Refusal("malformed-file", "a box is cut off")
    return last


def pass_over(window: Window, box: Box) -> Ask[None]:
    """Skip a box's content."""
    if box.size is not None:
        window.skip(box.size)
        return
    while (yield from window.rest()):
        pass


def read_film(window: Window, _: Limits) -> Ask[None]:
    """MP4, MOV and M4A: boxes of which the first is one that such files begin with."""
    head = yield from window.peek(8)
    if head[4:8] not in _FIRST:
        raise Refusal("malformed-file", "media: another container")
    if (yield from walk_boxes(window)) is None:
        raise Refusal("malformed-file", "media: no box")
    yield from only_a_named_trailer_follows(window)


def read_heif(window: Window, limits: Limits) -> Ask[None]:
    """HEIC and AVIF: the largest size in the table of properties (ISO/IEC 23008-12, 6.5.3)."""
    first = yield from next_box(window)
    if first is None or first.kind != b"ftyp" or first.size is None or first.size > _FTYP_BYTES:
        raise Refusal("malformed-file", "picture: no HEIF")
    brands = yield from window.take(first.size)
    if not _HEIF_BRANDS & {brands[at : at + 4] for at in range(0, len(brands), 4)}:
        raise Refusal("malformed-file", "picture: no HEIF brand")
    seen = False
    last = first
    while box := (yield from next_box(window)):
        last = box
        if box.kind == b"meta" and box.size is not None:
            seen = True
            yield from _read_meta(window, box.size, limits)
        else:
            yield from pass_over(window, box)
    if not seen:
        raise Refusal("malformed-file", "picture: no size")
    if window.passed_the_end and last.kind not in _MAY_BE_CUT:
        raise Refusal("malformed-file", "a box is cut off")
    yield from only_a_named_trailer_follows(window)


def _read_meta(window: Window, size: int, limits: Limits) -> Ask[None]:
    if size > (_META_BYTES_AT_REST if window.thorough else _META_BYTES):
        if window.thorough:
            raise Refusal("malformed-file", "picture: its table is too large")
        raise OutOfReach
    # `meta` and `ispe` are full boxes: four bytes of version and flags come first.
    table = (yield from window.take(size))[4:]
    width = height = 0
    for kind, content in _within(window, table, (b"iprp", b"ipco", b"ispe")):
        if kind == b"ispe" and len(content) >= 12:
            wide, high = struct.unpack_from(">4xLL", content)
            limits.check_picture(max(1, wide), max(1, high))
            width, height = max(width, wide), max(height, high)
    if not width or not height:
        raise Refusal("malformed-file", "picture: no size")


def _within(window: Window, data: bytes, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes at the end of a path, with their content."""
    at = 0
    while at + 8 <= len(data):
        window.spend(1)
        size, kind = struct.unpack_from(">L4s", data, at)
        if size < 8:
            return
        if kind == path[0]:
            content = data[at + 8 : at + size]
            if len(path) == 1:
                yield kind, content
            else:
                yield from _within(window, content, path[1:])
        at += size
