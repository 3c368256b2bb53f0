"""Text, JSON and RTF: no binary under a text's name, no other text under theirs."""

from __future__ import annotations

import codecs
from encodings import utf_16, utf_32

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import PADDING
from uploads.documents.readers.window import Ask, Window

# The longer mark first: UTF-32's begins with UTF-16's.
_WIDE = (
    (codecs.BOM_UTF32_LE, utf_32.IncrementalDecoder),
    (codecs.BOM_UTF32_BE, utf_32.IncrementalDecoder),
    (codecs.BOM_UTF16_LE, utf_16.IncrementalDecoder),
    (codecs.BOM_UTF16_BE, utf_16.IncrementalDecoder),
)

_JSON_HEAD_BYTES = 4096
_BLANK = b" \t\r\n"
_JSON_STARTS = tuple(b'{ [ " - 0 1 2 3 4 5 6 7 8 9 true false null'.split())


def read_text(window: Window, _: Limits) -> Ask[None]:
    """Refuse NUL bytes, unless the text says by its first bytes that it is wide, and is."""
    head = yield from window.peek(4)
    wide = next((decoder for mark, decoder in _WIDE if head.startswith(mark)), None)
    if wide is not None:
        yield from _read_wide(window, wide())
        return
    while piece := (yield from window.rest()):
        if b"\0" in piece:
            raise Refusal("malformed-file", "text: binary data")


def _read_wide(window: Window, decoder: codecs.IncrementalDecoder) -> Ask[None]:
    while piece := (yield from window.rest()):
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise Refusal("malformed-file", "text: not the encoding that it says") from error
        if "\0" in text:
            raise Refusal("malformed-file", "text: binary data")


def read_json(window: Window, _: Limits) -> Ask[None]:
    """One JSON text, or one a line, as far as both ends tell (RFC 8259, sections 2 and 8.1).

    What lies between them is not judged: nobody here reads it.
    """
    head = yield from window.peek(_JSON_HEAD_BYTES)
    if head.startswith(tuple(mark for mark, _ in _WIDE)):
        raise Refusal("not-utf-8", "json: UTF-16 or UTF-32")
    head = head.removeprefix(codecs.BOM_UTF8).lstrip(_BLANK)
    if not head.startswith(_JSON_STARTS):
        raise Refusal("malformed-file", "json: no JSON")
    last = b""
    while piece := (yield from window.rest()):
        if b"\0" in piece:
            raise Refusal("malformed-file", "json: binary data")
        last = piece.rstrip(_BLANK)[-1:] or last
    if head[:1] in (b"{", b"[") and last not in (b"}", b"]"):
        raise Refusal("malformed-file", "json: cut off")


def read_rtf(window: Window, _: Limits) -> Ask[None]:
    """One group in braces (RTF 1.9.1, "Syntax") to the end; inside, the worker looks."""
    if (yield from window.peek(5)) != b"{\\rtf":
        raise Refusal("malformed-file", "rtf: no RTF")
    last = b""
    while piece := (yield from window.rest()):
        last = piece.rstrip(PADDING)[-1:] or last
    if last != b"}":
        raise Refusal("trailing-data", "rtf: bytes behind the last brace")
