"""What begins behind the end of a sound or picture that does not say itself where it ends.

Only what is certain to be another format's beginning is refused: makers and recorders leave many
things behind that nobody knows.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from uploads.documents.readers.limits import Refusal
from uploads.documents.readers.trailers import PADDING
from workers.inspection.checks.trailers import FOREIGN
from workers.inspection.closed import HEAD_BYTES, closed
from workers.inspection.heads import opened_as

_LEAST_BYTES = 512  # a whole header of tar
_SEARCHED_BYTES = 4096
_PIECE_BYTES = 1024 * 1024
_PART_OF_SOUND = ("id3", "zlib", "mail")
"""Tags; and what two bytes or a line of text begin as."""
_PICTURE = re.compile(rb"\xff\xd8\xff[\xc0-\xc4\xdb\xe0-\xef\xfe]|II\*\0|MM\0\*")
_STARTS = re.compile(
    rb"GIF8[79]a|.{0,4}ftyp[\x20-\x7e]{4}|RIFF.{4}(?:WAVE|WEBP|AVI )|OggS\0|\x1a\x45\xdf\xa3|fLaC|"
    rb"\x7fELF[\x01\x02][\x01\x02]\x01|#! ?/|%!PS-|MZ.{58}(?P<program>.{4})",
    re.DOTALL,
)
"""Of a film the first bytes of its size, which are zeros, may count as padding before it."""


def check_beginning(file: BinaryIO, start: int, stop: int, *, pictures: bool = True) -> None:
    """See what begins at `start`, or behind padding there, before `stop`. Raises: Refusal.

    Without `pictures` another JPEG or TIFF passes.
    """
    start = _past_padding(file, start, stop)
    if start >= stop:
        return
    file.seek(start)
    head = file.read(min(HEAD_BYTES, max(_LEAST_BYTES, stop - start)))
    if name := _begins_as(head, pictures=pictures):
        raise Refusal("second-format", f"a second format behind the end: {name}")
    if FOREIGN.search(head, 0, min(_SEARCHED_BYTES, stop - start)):
        raise Refusal("second-format", "a second format behind the end")


def _begins_as(head: bytes, *, pictures: bool) -> str | None:
    kind = opened_as(head)
    if kind is not None and kind not in _PART_OF_SOUND:
        return kind
    if name := closed(head):
        return name
    if pictures and _PICTURE.match(head):
        return "picture"
    found = _STARTS.match(head)
    if found is None or (found["program"] and not _is_program(head, found["program"])):
        return None
    return "picture, sound, film or program"


def _is_program(head: bytes, place: bytes) -> bool:
    at = int.from_bytes(place, "little")
    return head[at : at + 4] == b"PE\0\0"


def _past_padding(file: BinaryIO, start: int, stop: int) -> int:
    while start < stop:
        file.seek(start)
        piece = file.read(min(_PIECE_BYTES, stop - start))
        if not piece:
            return stop
        if rest := piece.lstrip(PADDING):
            return start + len(piece) - len(rest)
        start += len(piece)
    return stop
