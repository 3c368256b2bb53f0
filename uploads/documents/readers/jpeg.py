"""JPEG (ITU T.81): its size, where it ends, and what cameras put behind that on purpose.

Second pictures (CIPA DC-007 "MPF", Google's container of XMP) and the film of a motion photo are
said beforehand in the first picture; makers' trailers name themselves by a mark. What is said is
walked through like a file of its own; whatever is not is refused.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NoReturn

from uploads.documents.readers.boxes import walk_boxes
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import named_trailer, past_padding
from uploads.documents.readers.window import Ask, Window

# Within compressed data, 0xFF is followed by 0 or a restart mark; 0xFF itself is a filler.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOI, _EOI, _SOS, _APP1, _APP2, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0x01
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_FILM = re.compile(rb"(?:MotionPhoto|MicroVideo)(?:=[\"']|>)1|Mime(?:=[\"']|>)video/")
_PICTURE = re.compile(rb"Mime(?:=[\"']|>)image/")
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
        else:
            return (yield from named_trailer(window, head))


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
