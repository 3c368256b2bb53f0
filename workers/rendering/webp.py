"""Reads the frame of a WebP file, by offsets only: dimensions, and which chunks there are.

For pictures that a cell made: only a still picture without metadata is accepted. Decodes nothing.

Source: RFC 9649 (WebP container, VP8X), RFC 6386 section 9.1 (VP8 key frame header), RFC 9649
section 3.4 (VP8L header).
"""

from __future__ import annotations

from collections.abc import Iterator

_PICTURE_CHUNKS = (b"VP8X", b"ALPH", b"VP8 ", b"VP8L")


class NotAPicture(Exception):
    """Raised when bytes are not one still WebP picture without metadata."""


def dimensions(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels; raises NotAPicture for anything but one picture."""
    chunks = list(_chunks(data))
    names = [name for name, _ in chunks]
    if len(set(names)) != len(names) or not set(names) <= set(_PICTURE_CHUNKS):
        raise NotAPicture("chunks other than one picture")
    sizes = {_SIZES[name](body) for name, body in chunks if name in _SIZES}
    if len(sizes) != 1 or not {b"VP8 ", b"VP8L"} & set(names):
        raise NotAPicture("no single size")
    return sizes.pop()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or _number(data[4:8]) != len(data) - 8:
        raise NotAPicture("not WebP")
    at = 12
    while at < len(data):
        size = _number(data[at + 4 : at + 8])
        body = data[at + 8 : at + 8 + size]
        if len(body) != size or len(data) - at < 8:
            raise NotAPicture("cut short")
        yield data[at : at + 4], body
        at += 8 + size + size % 2


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _extended(body: bytes) -> tuple[int, int]:
    return _number(body[4:7]) + 1, _number(body[7:10]) + 1


def _lossy(body: bytes) -> tuple[int, int]:
    if body[3:6] != b"\x9d\x01\x2a":
        raise NotAPicture("no key frame")
    return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int]:
    if body[:1] != b"\x2f":
        raise NotAPicture("no lossless frame")
    bits = _number(body[1:5])
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


_SIZES = {b"VP8X": _extended, b"VP8 ": _lossy, b"VP8L": _lossless}
