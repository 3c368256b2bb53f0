"""JPEG (ITU T.81): its size, where it ends, and what cameras put behind that on purpose.

Second pictures (CIPA DC-007 "MPF", Google's container of XMP, a preview of which a maker's note
tells) and the film of a motion photo are said beforehand in the first picture; makers' trailers
name themselves by a mark. What is said is walked through like a file of its own; whatever is not
is refused, but for a gap before what was said: cameras leave rests of their memory there.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NoReturn

from uploads.documents.readers.boxes import walk_boxes
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import MARK_BYTES, named_trailer, past_padding
from uploads.documents.readers.window import Ask, Window

# Within compressed data, 0xFF is followed by 0 or a restart mark; 0xFF itself is a filler.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOI, _EOI, _SOS, _APP1, _APP2, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0x01
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_FILM = re.compile(rb"(?:MotionPhoto|MicroVideo)(?:=[\"']|>)1|Mime(?:=[\"']|>)video/")
_PICTURE = re.compile(rb"Mime(?:=[\"']|>)image/")
_MAKERS_NOTE = re.compile(rb"\x7c\x92\x07\0|\x92\x7c\0\x07")  # Exif 2.32, 4.6.5: 0x927C, undefined
_SECOND = re.compile(rb"\xff\xd8\xff[\xc0-\xc4\xdb\xe0-\xef\xfe]")
_BEGINNING_OF_FILM = re.compile(rb".{4}ftyp[\x20-\x7e]{4}", re.DOTALL)
_GAP_BYTES = 64 * 1024
_GAP_STEP_BYTES = 4096
_SECTOR_BYTES = 512
_PICTURES = 16  # behind the first one; cameras write one to three
_NUMBER_OF_IMAGES = 0xB001


@dataclass(slots=True)
class _Said:
    """What the first picture says of what follows it."""

    pictures: int = 0
    film: bool = False


def read_jpeg(window: Window, limits: Limits) -> Ask[None]:
    """The picture and what it says to follow. Viewers show what of a cut one is there."""
    said = _Said()
    whole = yield from _read_picture(window, limits, said)
    while whole and (head := (yield from past_padding(window))):
        if head.startswith(b"\xff\xd8\xff") and said.pictures > 0:
            said.pictures -= 1
            whole = yield from _read_picture(window, limits, _Said())
        elif head[4:8] == b"ftyp" and said.film:
            said.film = False
            yield from walk_boxes(window)
        elif not (yield from _past_gap(window, said)):
            if not (yield from _fills_a_sector(window)):
                yield from named_trailer(window, head)
            return


def _past_gap(window: Window, said: _Said) -> Ask[bool]:
    """Pass over what stands before something that was said to follow; whether it does follow.

    Panasonic fills blocks with what was in its memory, Pixel's notes for its makers take 24 KiB,
    and previews of Sony begin up to 32 KiB behind the picture. The worker looks at it.
    """
    marks = [_SECOND] * (said.pictures > 0) + [_BEGINNING_OF_FILM] * said.film
    passed = 0
    while marks and passed < _GAP_BYTES:
        gap = yield from window.peek(_GAP_STEP_BYTES)
        starts = [found.start() for mark in marks if (found := mark.search(gap))]
        if starts:
            window.skip(min(starts))
            return True
        if len(gap) < _GAP_STEP_BYTES:
            break
        # What begins, or is a trailer's mark, at the end of these bytes is seen whole next time.
        window.skip(len(gap) - MARK_BYTES)
        passed += len(gap)
    return False


def _fills_a_sector(window: Window) -> Ask[bool]:
    """Whether only fill bytes (T.81, B.1.1.2) follow, or with them the rest of a card's sector."""
    rest = yield from window.peek(_SECTOR_BYTES + 1)
    if len(rest) > _SECTOR_BYTES or not rest.startswith(b"\xff"):
        return False
    return not rest.strip(b"\xff") or (window.position + len(rest)) % _SECTOR_BYTES == 0


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"picture: {detail}")


def _read_picture(window: Window, limits: Limits, said: _Said) -> Ask[bool]:
    """Walk one picture's markers; whether its end came before the end of the file."""
    if (yield from window.take(3)) != b"\xff\xd8\xff":
        _malformed("no JPEG")
    window.skip(-1)
    width = height = 0
    while True:
        kind = yield from _next_marker(window)
        if kind is None or kind == _EOI:
            limits.check_picture(width, height)
            return kind is not None
        if kind in (_TEMPORARY, _SOI):
            continue
        head = yield from window.peek(7)
        if len(head) < 2:
            continue
        (length,) = struct.unpack_from(">H", head)
        if kind in _SOF and len(head) == 7:
            high, wide = struct.unpack_from(">HH", head, 3)
            width, height = max(width, wide), max(height, high)
            limits.check_picture(max(1, width), max(1, height))
        elif kind == _SOS and not width:
            _malformed("data before the size")
        elif kind in (_APP1, _APP2) and length > 8:
            _listen(kind, (yield from window.peek(length)), said)
        window.skip(max(2, length))


def _next_marker(window: Window) -> Ask[int | None]:
    """The next marker's second byte, consumed; None at the end of the file."""
    while True:
        if len((yield from window.peek(2))) < 2:
            return None
        found = _MARKER.search(window.data, window.at)
        if found:
            window.at = found.end()
            return found[0][1]
        # The first byte of a marker may be the last one here.
        window.at = len(window.data) - (window.data[-1] == 0xFF)


def _listen(kind: int, segment: bytes, said: _Said) -> None:
    content = segment[2:]
    if kind == _APP2 and content.startswith(b"MPF\0"):
        said.pictures = max(said.pictures, min(_PICTURES, _images(content[4:]) - 1))
    elif kind == _APP1 and content.startswith(_EXIF):
        said.pictures = max(said.pictures, int(_MAKERS_NOTE.search(content) is not None))
    elif kind == _APP1 and content.startswith(_XMP):
        said.film = said.film or _FILM.search(content) is not None
        listed = len(_PICTURE.findall(content)) - 1
        said.pictures = max(said.pictures, min(_PICTURES, listed))


def _images(index: bytes) -> int:
    """How many pictures a multi-picture index counts (CIPA DC-007, 5.2.3), 0 where it is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(index[:4])
    if order is None or len(index) < 8:
        return 0
    (at,) = struct.unpack_from(f"{order}L", index, 4)
    if at + 2 > len(index):
        return 0
    (count,) = struct.unpack_from(f"{order}H", index, at)
    for offset in range(at + 2, min(at + 2 + 12 * count, len(index) - 11), 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHLL", index, offset)
        if tag == _NUMBER_OF_IMAGES:
            return int(value)
    return 0
