"""Predictors of PDF's Flate and LZW filters (ISO 32000-1, 7.4.4.4), undone row by row."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from uploads.documents.readers.limits import Refusal

_NONE, _TIFF, _PNG = 1, 2, range(10, 16)
_BITS = (1, 2, 4, 8, 16)
_ROW_BYTES = 16 * 1024 * 1024


def undo_predictor(pieces: Iterator[bytes], parameters: Mapping[str, int]) -> Iterator[bytes]:
    """Undo what `/Predictor` says, with `/Columns`, `/Colors`, `/BitsPerComponent`.

    Raises: Refusal, also for a predictor that there is not.
    """
    predictor = parameters.get("/Predictor", _NONE)
    if predictor == _NONE:
        return pieces
    columns, colors, bits = _shape(parameters)
    row = (columns * colors * bits + 7) // 8
    known = predictor in (_TIFF, *_PNG) and bits in _BITS and columns > 0 and colors > 0
    # With bits left over at the end of a row, programs do not agree about the last byte.
    if not known or (predictor == _TIFF and columns * colors * bits % 8):
        raise Refusal("unknown-packing", "pdf: a predictor that is not undone")
    if row > _ROW_BYTES:
        raise Refusal("malformed-file", "pdf: rows too long for a predictor")
    if predictor == _TIFF:
        return _tiff(_rows(pieces, row), colors, bits)
    return _png(_rows(pieces, row + 1), row, (colors * bits + 7) // 8)


def rows_in(parameters: Mapping[str, int], size: int) -> int:
    """Into how many rows `size` bytes are cut; 0 without a predictor."""
    if parameters.get("/Predictor", _NONE) == _NONE:
        return 0
    columns, colors, bits = _shape(parameters)
    return 1 + size // max(1, columns * colors * bits // 8)


def _shape(parameters: Mapping[str, int]) -> tuple[int, int, int]:
    return (
        parameters.get("/Columns", 1),
        parameters.get("/Colors", 1),
        parameters.get("/BitsPerComponent", 8),
    )


def _rows(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Cut into rows; the last one may be shorter."""
    left = bytearray()
    for piece in pieces:
        left += piece
        whole = len(left) // size * size
        for at in range(0, whole, size):
            yield bytes(left[at : at + size])
        del left[:whole]
    if left:
        yield bytes(left)


def _png(rows: Iterator[bytes], size: int, back: int) -> Iterator[bytes]:
    """Each row begins with its filter (RFC 2083, section 6); `back` is bytes to the left pixel."""
    above = bytes(size)
    for row in rows:
        if row[0] > 4:
            raise Refusal("malformed-file", "pdf: a row with no filter of PNG's")
        above = _PNG_ROWS[row[0]](row[1:], above, back)
        yield above
        above = above.ljust(size, b"\0")


def _plain(row: bytes, _: bytes, __: int) -> bytes:
    return row


def _sub(row: bytes, _: bytes, back: int) -> bytes:
    done = bytearray(row)
    for at in range(back, len(done)):
        done[at] = done[at] + done[at - back] & 0xFF
    return bytes(done)


def _up(row: bytes, above: bytes, _: int) -> bytes:
    return bytes(one + other & 0xFF for one, other in zip(row, above, strict=False))


def _average(row: bytes, above: bytes, back: int) -> bytes:
    done = bytearray(row)
    for at, over in zip(range(len(done)), above, strict=False):
        left = done[at - back] if at >= back else 0
        done[at] = done[at] + (left + over) // 2 & 0xFF
    return bytes(done)


def _paeth(row: bytes, above: bytes, back: int) -> bytes:
    done = bytearray(row)
    for at, over in zip(range(len(done)), above, strict=False):
        left, corner = (done[at - back], above[at - back]) if at >= back else (0, 0)
        guess = left + over - corner
        gaps = abs(guess - left), abs(guess - over), abs(guess - corner)
        nearest = (left, over, corner)[gaps.index(min(gaps))]
        done[at] = done[at] + nearest & 0xFF
    return bytes(done)


_PNG_ROWS: tuple[Callable[[bytes, bytes, int], bytes], ...] = (_plain, _sub, _up, _average, _paeth)


def _tiff(rows: Iterator[bytes], colors: int, bits: int) -> Iterator[bytes]:
    """Each component is a difference to that of the pixel before it (TIFF 6.0, section 14)."""
    for row in rows:
        if bits == 8:
            yield _sub(row, b"", colors)
        else:
            yield _tiff_row(row, colors, bits)


def _tiff_row(row: bytes, colors: int, bits: int) -> bytes:
    values = _split(row, bits)
    for number in range(colors, len(values)):
        values[number] = values[number] + values[number - colors] & (1 << bits) - 1
    return _joined(values, bits) + (row[-1:] if bits == 16 and len(row) % 2 else b"")


def _split(row: bytes, bits: int) -> list[int]:
    if bits == 16:
        return list(struct.unpack(f">{len(row) // 2}H", row[: len(row) // 2 * 2]))
    mask, shifts = (1 << bits) - 1, range(8 - bits, -1, -bits)
    return [byte >> shift & mask for byte in row for shift in shifts]


def _joined(values: list[int], bits: int) -> bytes:
    if bits == 16:
        return struct.pack(f">{len(values)}H", *values)
    each, out = 8 // bits, bytearray()
    for at in range(0, len(values), each):
        byte = 0
        for value in values[at : at + each]:
            byte = byte << bits | value
        out.append(byte)
    return bytes(out)
