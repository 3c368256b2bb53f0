"""PDFs whose attachment is put through filters, as the standard has them (ISO 32000-1, 7.4)."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from tests.support.benign_files import pdf


@dataclass(frozen=True)
class Filter:
    """One filter over an attachment: its name, its parameters, and how its data are made."""

    name: str
    make: Callable[[bytes], bytes]
    parameters: Mapping[str, int] = field(default_factory=dict)


def ascii_hex(data: bytes) -> bytes:
    return data.hex(" ", 30).encode() + b">"


def ascii_85(data: bytes) -> bytes:
    return base64.a85encode(data, wrapcol=60) + b"~>"


def run_length(data: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(data):
        run = len(data[at : at + 128]) - len(data[at : at + 128].lstrip(data[at : at + 1]))
        if run > 2:
            out += bytes((257 - run, data[at]))
            at += run
        else:
            part = data[at : at + 7]
            out += bytes((len(part) - 1,)) + part
            at += len(part)
    return bytes(out) + b"\x80"


def lzw(data: bytes, early: int = 1) -> bytes:
    """Codes as TIFF's writers make them, one bit later where `early` is 0."""
    table = {bytes((value,)): value for value in range(256)}
    following, width, now = 258, 9, b""
    bits = f"{256:09b}"
    for value in data:
        longer = now + bytes((value,))
        if longer in table:
            now = longer
            continue
        bits += f"{table[now]:0{width}b}"
        table[longer] = following
        following, now = following + 1, longer[-1:]
        width = min(12, max(9, (following - 1 + early).bit_length()))
        if following >= 4094:
            bits += f"{256:0{width}b}"
            table = {bytes((value,)): value for value in range(256)}
            following, width = 258, 9
    if now:
        bits += f"{table[now]:0{width}b}"
        width = min(12, max(9, (following + early).bit_length()))
    bits += f"{257:0{width}b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def png_rows(data: bytes, kind: int, row: int, back: int) -> bytes:
    """Rows of PNG's filter `kind`; `back` is how far the left pixel is, in bytes."""
    out, above = bytearray(), bytes(row)
    data = data.ljust(-(-len(data) // row) * row, b"\n")
    for start in range(0, len(data), row):
        here = data[start : start + row]
        out.append(kind)
        for at, value in enumerate(here):
            left, corner = (here[at - back], above[at - back]) if at >= back else (0, 0)
            out.append(value - _guess(kind, left, above[at], corner) & 0xFF)
        above = here
    return bytes(out)


def _guess(kind: int, left: int, over: int, corner: int) -> int:
    nearest = min((left, over, corner), key=lambda one: abs(left + over - corner - one))
    return (0, left, over, (left + over) // 2, nearest)[kind]


def tiff_rows(data: bytes, row: int, colors: int) -> bytes:
    """Rows in which each byte is a difference to the pixel before it."""
    data = data.ljust(-(-len(data) // row) * row, b"\n")
    rows = (data[start : start + row] for start in range(0, len(data), row))
    return b"".join(
        bytes(
            one - (each[at - colors] if at >= colors else 0) & 0xFF for at, one in enumerate(each)
        )
        for each in rows
    )


def flate(kind: int | None, columns: int = 20, colors: int = 1) -> Filter:
    """Flate with a filter of PNG's, or TIFF's predictor, or none (-1)."""
    if kind is None:
        named = {"/Predictor": 2, "/Columns": columns, "/Colors": colors}
        made = columns * colors, colors
        return Filter("/FlateDecode", lambda data: zlib.compress(tiff_rows(data, *made)), named)
    if kind < 0:
        return Filter("/FlateDecode", zlib.compress)
    named = {"/Predictor": 10 + kind, "/Columns": columns, "/Colors": colors}
    return Filter(
        "/FlateDecode",
        lambda data: zlib.compress(png_rows(data, kind, columns * colors, colors)),
        named,
    )


HEX, BASE_85, RUNS = (
    Filter("/ASCIIHexDecode", ascii_hex),
    Filter("/ASCII85Decode", ascii_85),
    Filter("/RunLengthDecode", run_length),
)
LZW = Filter("/LZWDecode", lzw)
LZW_LATE = Filter("/LZWDecode", lambda data: lzw(data, 0), {"/EarlyChange": 0})
CHAINS: dict[str, Sequence[Filter]] = {
    "flate": [flate(-1)],
    **{f"png {kind}": [flate(kind)] for kind in range(5)},
    "png of 3 colors": [flate(4, 9, 3)],
    "tiff": [flate(None)],
    "tiff of 3 colors": [flate(None, 9, 3)],
    "hexadecimal": [HEX],
    "base 85": [BASE_85],
    "run lengths": [RUNS],
    "lzw": [LZW],
    "lzw late": [LZW_LATE],
    "short names": [Filter("/A85", ascii_85), Filter("/Fl", zlib.compress)],
    "all of them": [HEX, BASE_85, flate(2), RUNS, LZW],
    "flate twice": [flate(-1), flate(1)],
}


def attached(filters: Sequence[Filter], data: bytes, *, indirect: bool = False) -> bytes:
    """A PDF with this attachment. `indirect`: each value is an object of its own."""
    for each in reversed(filters):
        data = each.make(data)

    def change(document: pikepdf.Pdf) -> None:
        def value(of: Any) -> Any:
            return document.make_indirect(of) if indirect else of

        stream = document.make_stream(data)
        stream["/Type"] = value(pikepdf.Name.EmbeddedFile)
        stream["/Filter"] = value(pikepdf.Array([value(pikepdf.Name(one.name)) for one in filters]))
        parameters: list[Any] = [
            value(
                pikepdf.Dictionary({key: value(number) for key, number in one.parameters.items()})
            )
            if one.parameters
            else None
            for one in filters
        ]
        if any(parameters):
            stream["/DecodeParms"] = value(pikepdf.Array(parameters))
        document.Root["/Attached"] = stream

    # As it is: neither unpacked nor packed anew.
    level = pikepdf.StreamDecodeLevel.none
    return pdf(change, stream_decode_level=level, compress_streams=False)
