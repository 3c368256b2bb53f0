"""What may stand behind the end of a format, and what may not."""

from __future__ import annotations

import re

from uploads.documents.readers.limits import Refusal
from uploads.documents.readers.window import Ask, Window

PADDING = b"\0\t\n\r "
"""Passes behind every end but a ZIP's: writers fill up blocks, transfers add a line."""

# Trailers that name themselves, where they begin or at the end of the file: cameras and phones of
# Samsung, Insta360, Nikon, OnePlus, Vivo, Sony and Google write these, and programs of Canon
# (VRD), Photo Mechanic, FotoStation and AFCP keep what photographers note there (ExifTool,
# "Trailer" and IdentifyTrailer).
_BEGINS = (b"streamdata", b'vivo{"', b"\x55\x26\x11\x05\0", b"aecDebug")
_ENDS = re.compile(
    rb"(?:QDIOBS|SEFT|8db42d694ccc418790edff439fe026bf|\0{6}/NIKON APP|jxrs...\0|"
    rb"\xff{4}\x1b\*9HWfu\x84\x93\xa2\xb1|CANON OPTIONAL DATA\0.{44}|cbipcbbl|"
    rb"\xa1\xb2\xc3\xd4|AXS[!*].{8})\Z",
    re.DOTALL,
)
MARK_BYTES = 64
"""How many bytes from the end a mark may begin."""


def only_padding_follows(window: Window) -> Ask[None]:
    """Read to the end of the file. Raises Refusal for anything that is not padding."""
    while piece := (yield from window.rest()):
        if piece.strip(PADDING):
            raise Refusal("trailing-data", "bytes behind the end")


def past_padding(window: Window) -> Ask[bytes]:
    """The first bytes that are no padding, not consumed; nothing at the end of the file.

    The first four bytes of a film may pass for padding: they are its first box's size.
    """
    while head := (yield from window.peek(12)):
        if head[4:8] == b"ftyp" or head[:1] not in PADDING:
            if window.extras_at is None:
                window.extras_at = window.position
            return head
        here = window.data[window.at :]
        window.skip(max(1, len(here) - len(here.lstrip(PADDING)) - 4))
    return b""


def named_trailer(window: Window, head: bytes) -> Ask[None]:
    """Read to the end of the file. Raises Refusal unless a mark begins or ends what is there."""
    tail = b""
    while piece := (yield from window.rest()):
        tail = (tail + piece[-MARK_BYTES:])[-MARK_BYTES:]
    if not head.startswith(_BEGINS) and not _ENDS.search(tail.rstrip(b"\n")):
        raise Refusal("trailing-data", "bytes behind the end")


def only_a_named_trailer_follows(window: Window) -> Ask[None]:
    """Read to the end of the file: padding, or a trailer that names itself. Raises Refusal."""
    if head := (yield from past_padding(window)):
        yield from named_trailer(window, head)
