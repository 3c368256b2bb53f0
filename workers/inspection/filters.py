"""The filters of PDF streams (ISO 32000-1, 7.4), undone piece by piece, for the parser cell.

qpdf undoes them as well, but hands out the whole result at once, however large it is. Pictures'
own formats are no filter of ours: what is packed so is not opened. Knows no PDF library.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from uploads.documents.readers.limits import Refusal
from workers.inspection.predictors import rows_in, undo_predictor
from workers.inspection.unpacking import CHUNK_BYTES, Inflater, unpacked

Pieces = Iterator[bytes]
Parameters = Mapping[str, int]
_SHORT = {"/AHx": "/ASCIIHexDecode", "/A85": "/ASCII85Decode", "/LZW": "/LZWDecode"}
_SHORT |= {"/Fl": "/FlateDecode", "/RL": "/RunLengthDecode"}
_SPACE = b"\0\t\n\f\r "
_MOST_FILTERS = 10
_STEPS_PER_KIB = {"/LZWDecode": 64, "/ASCII85Decode": 64, "/RunLengthDecode": 4}
_STEPS_PER_ROWS = 64  # and KiB
_CLEAR, _END, _FIRST_CODE, _MOST_BITS = 256, 257, 258, 12


def undo_filter(name: str, parameters: Parameters, pieces: Pieces) -> Pieces:
    """Undo one filter; `name` is as in the file, e.g. `/FlateDecode`. Raises: Refusal."""
    name = _SHORT.get(name, name)
    if name in ("/FlateDecode", "/LZWDecode"):
        early = parameters.get("/EarlyChange", 1)
        packed = _inflate(pieces) if name == "/FlateDecode" else _lzw(pieces, early)
        return undo_predictor(packed, parameters)
    undo = _OTHERS.get(name)
    if undo is None:
        raise Refusal("unknown-packing", "pdf: a stream in a filter that is not opened")
    return undo(pieces)


def steps_of(name: str, parameters: Parameters, size: int) -> int:
    """What `size` bytes out of a filter cost as steps of a budget: of zlib's own, nothing."""
    steps = _STEPS_PER_KIB.get(_SHORT.get(name, name), 0) * size // 1024
    if rows := rows_in(parameters, size):
        steps += _STEPS_PER_ROWS * size // 1024 + rows // 2
    return steps


def check_count(filters: int) -> None:
    """Raises: Refusal for more filters over one stream than anybody uses."""
    if filters > _MOST_FILTERS:
        raise Refusal("too-deep", "pdf: a stream in too many filters")


def _damaged(name: str) -> Refusal:
    return Refusal("malformed-file", f"pdf: damaged data in {name}")


def _inflate(pieces: Pieces) -> Pieces:
    """zlib's format (RFC 1950). Only white space may follow its end: no reader looks at it."""
    return unpacked(pieces, lambda: Inflater(zlib.MAX_WBITS), padding=_SPACE, repeats=False)


def _ascii_hex(pieces: Pieces) -> Pieces:
    odd = b""
    for piece in pieces:
        digits, end, _ = piece.partition(b">")
        digits = odd + digits.translate(None, _SPACE)
        if end and len(digits) % 2:
            digits += b"0"
        whole = len(digits) // 2 * 2
        odd = digits[whole:]
        try:
            yield binascii.unhexlify(digits[:whole])
        except binascii.Error:
            raise _damaged("hexadecimal digits") from None
        if end:
            return
    if odd:
        yield binascii.unhexlify(odd + b"0")


def _ascii_85(pieces: Pieces) -> Pieces:
    left, begun = b"", False
    for piece in pieces:
        left += piece.translate(None, _SPACE)
        if not begun and len(left) >= 2:
            left, begun = left.removeprefix(b"<~"), True
        text, end, _ = left.partition(b"~")
        whole, left = _whole_groups(text)
        yield _groups(whole)
        if end:
            break
    if left := left.partition(b"~")[0]:
        yield _groups(left)


def _whole_groups(text: bytes) -> tuple[bytes, bytes]:
    """Split before the last group that is not whole: five letters, or a `z` by itself."""
    start = end = 0
    for found in re.finditer(rb"z|[^z]{5}", text):
        if found.start() != end:
            raise _damaged("base 85")
        end = found.end()
    return text[start:end], text[end:]


def _groups(text: bytes) -> bytes:
    """Groups to bytes; the last one may have fewer than five letters."""
    text = text.replace(b"z", b"!!!!!")
    short = -len(text) % 5
    if short == 4 or not all(33 <= letter <= 117 for letter in text):
        raise _damaged("base 85")
    text += b"u" * short
    out = bytearray()
    for at in range(0, len(text), 5):
        value = 0
        for letter in text[at : at + 5]:
            value = value * 85 + letter - 33
        if value > 0xFFFFFFFF:
            raise _damaged("base 85")
        out += struct.pack(">L", value)
    return bytes(out[: len(out) - short])


def _run_length(pieces: Pieces) -> Pieces:
    left = b""
    for piece in pieces:
        left += piece
        out, at = bytearray(), 0
        while at < len(left):
            length = left[at]
            if length == 128:
                yield bytes(out)
                return
            size = 1 + length + 1 if length < 128 else 2
            if at + size > len(left):
                break
            part = left[at + 1 : at + size]
            out += part if length < 128 else part * (257 - length)
            at += size
        left = left[at:]
        yield bytes(out)
    if left:
        raise _damaged("run lengths")


def _lzw(pieces: Pieces, early: int) -> Pieces:
    """Codes of 9 to 12 bits, the highest first; `early` says how soon they grow (7.4.4.3)."""
    table = [bytes((value,)) for value in range(256)] + [b"", b""]
    bits = held = 0
    width, before = 9, b""
    for piece in pieces:
        out = bytearray()
        for byte in piece:
            held, bits = (held << 8 | byte) & 0xFFFFFF, bits + 8
            if bits < width:
                continue
            bits -= width
            code = held >> bits & (1 << width) - 1
            if code == _END:
                yield bytes(out)
                return
            if code == _CLEAR:
                del table[_FIRST_CODE:]
                width, before = 9, b""
                continue
            before = _lzw_step(table, code, before)
            width = min(_MOST_BITS, max(9, (len(table) + early).bit_length()))
            out += before
            if len(out) >= CHUNK_BYTES:
                yield bytes(out)
                out.clear()
        yield bytes(out)


def _lzw_step(table: list[bytes], code: int, before: bytes) -> bytes:
    """What a code stands for; the table learns what came before it and one byte more."""
    if code < len(table):
        found = table[code]
    elif code == len(table) and before:
        found = before + before[:1]
    else:
        raise _damaged("LZW")
    if before and len(table) < 1 << _MOST_BITS:
        table.append(before + found[:1])
    return found


_OTHERS: dict[str, Callable[[Pieces], Pieces]] = {
    "/ASCIIHexDecode": _ascii_hex,
    "/ASCII85Decode": _ascii_85,
    "/RunLengthDecode": _run_length,
}
