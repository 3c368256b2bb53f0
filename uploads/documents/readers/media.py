"""Sound, and WebM: which container it is, and where that says that it ends."""

from __future__ import annotations

import struct
from typing import Literal

from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.trailers import only_padding_follows
from uploads.documents.readers.window import Ask, Window

_SYNC_BYTES = 4096  # of zeros that some encoders put before the first frame
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_EBML_BYTES = 4096
_EMPTY_WAV = 36  # what a recorder writes first, and leaves behind when it is switched off
_UNKNOWN_WAV = 0xFFFFFF00
_WIDE = 0xFFFFFFFF  # stands in ds64 (EBU Tech 3306, 3.5)


def _other() -> Refusal:
    return Refusal("malformed-file", "media: another container")


def read_wav(window: Window, _: Limits) -> Ask[None]:
    """RIFF states its size (Microsoft RIFF, "Chunks"), RF64 in `ds64`; a pipe's writer none."""
    head = yield from window.peek(36)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head[8:12] != b"WAVE":
        raise _other()
    order: Literal["big", "little"] = "big" if head[:4] == b"RIFX" else "little"
    size, data = int.from_bytes(head[4:8], order), _WIDE
    if head[:2] != b"RI" and head[12:16] == b"ds64" and len(head) == 36:
        wide, data = struct.unpack_from("<QQ", head, 20)
        size = wide if size == _WIDE else size
    if size <= _EMPTY_WAV or _UNKNOWN_WAV <= size <= _WIDE:
        return
    end = 8 + size
    window.skip(12)
    # Some writers forget a chunk in the sum: what a chunk says that begins inside counts as well.
    while window.position + 8 <= end and len(head := (yield from window.peek(8))) == 8:
        length = int.from_bytes(head[4:], order)
        length = data if length == _WIDE else length
        window.skip(8 + length + length % 2)
    window.skip(max(0, end - window.position))
    yield from only_padding_follows(window)


def read_ogg(window: Window, _: Limits) -> Ask[None]:
    """Pages follow each other (RFC 3533, section 6)."""
    if not (yield from window.peek(5)).startswith(b"OggS\0"):
        raise _other()
    while (head := (yield from window.peek(27))).startswith(b"OggS\0") and len(head) == 27:
        window.skip(27)
        window.skip(sum((yield from window.some_of(head[26]))))
    if not b"OggS\0".startswith(head[:5]):
        yield from only_padding_follows(window)


def read_webm(window: Window, _: Limits) -> Ask[None]:
    """An EBML head with the right type, and a segment to the end (RFC 8794, RFC 9559)."""
    if (yield from window.take(4)) != _EBML:
        raise _other()
    size = yield from _ebml_size(window)
    if size is None or size > _EBML_BYTES:
        raise _other()
    head = yield from window.some_of(size)
    at = head.find(b"\x42\x82")
    if at < 0 or head[at + 3 : at + 7] != b"webm":
        raise _other()
    if (yield from window.peek(4)) == _SEGMENT:
        window.skip(4)
        size = yield from _ebml_size(window)
        if size is None:
            return
        window.skip(size)
    yield from only_padding_follows(window)


def _ebml_size(window: Window) -> Ask[int | None]:
    """An element's size (RFC 8794, section 6); None where it says that it is unknown."""
    first = (yield from window.take(1))[0]
    length = 9 - first.bit_length()
    if length > 8:
        raise _other()
    value = int.from_bytes(bytes([first]) + (yield from window.take(length - 1)), "big")
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value


def read_mp3(window: Window, _: Limits) -> Ask[None]:
    """An ID3 tag or a frame's head: sync, a version and a layer that exist. There is no end."""
    head = yield from window.peek(_SYNC_BYTES)
    frame = head.lstrip(b"\0")[:4]
    is_frame = len(frame) > 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0
    if not head.startswith(b"ID3") and not (
        is_frame and frame[1] & 0x18 != 0x08 and frame[1] & 0x06 != 0 and frame[2] & 0xF0 != 0xF0
    ):
        raise _other()
