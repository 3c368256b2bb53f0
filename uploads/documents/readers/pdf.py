"""PDF (ISO 32000-1, 7.5): it begins with its first byte, and ends with `%%EOF`."""

from __future__ import annotations

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import PADDING
from uploads.documents.readers.window import Ask, Window

_END = b"%%EOF"
_TAIL_BYTES = 1024  # in which readers look for the end


def read_pdf(window: Window, _: Limits) -> Ask[None]:
    """Padding may follow the last end; each increment of a file ends like this."""
    if (yield from window.peek(5)) != b"%PDF-":
        raise Refusal("malformed-file", "pdf: no PDF")
    tail = padding = b""
    while piece := (yield from window.rest()):
        body = piece.rstrip(PADDING)
        if body:
            tail = (tail + padding + body[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            padding = b""
        padding = (padding + piece[len(body) :])[-_TAIL_BYTES:]
    at = tail.rfind(_END)
    if at < 0:
        raise Refusal("malformed-file", "pdf: no end")
    if at + len(_END) < len(tail):
        raise Refusal("trailing-data", "pdf: bytes behind the end")
