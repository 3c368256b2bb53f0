"""Sound and film: the container begins as its type says, and nothing else hides at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from workers.inspection.checks.boxes import boxes
from workers.inspection.checks.trailers import check_archive_tail, check_trailer
from workers.inspection.limits import Limits, Refusal

_HEAD_BYTES = 4096
_TAIL_BYTES = 66_000
_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"}
_EBML = b"\x1a\x45\xdf\xa3"
_DOCTYPE = b"\x42\x82"


def check_media(file: BinaryIO, media_type: str, _: Limits) -> None:
    """Check a sound or a film of one of our types. Raises: Refusal."""
    file.seek(0)
    if not _HEADS[media_type](file.read(_HEAD_BYTES)):
        raise Refusal("malformed-file", "media: another container")
    if _HEADS[media_type] is _is_boxes:
        check_trailer(file, max(box.end for box in boxes(file)))
    file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
    check_archive_tail(file.read())


def _is_boxes(head: bytes) -> bool:
    return head[4:8] in _FIRST_BOXES and int.from_bytes(head[:4], "big") not in range(2, 8)


def _is_webm(head: bytes) -> bool:
    """EBML with the DocType `webm` (RFC 8794, 11.2.6)."""
    at = head.find(_DOCTYPE)
    return head.startswith(_EBML) and at > 0 and head[at + 3 : at + 7] == b"webm"


def _is_mp3(head: bytes) -> bool:
    """An ID3 tag or a frame header: sync, a version and a layer that exist."""
    frame = head.lstrip(b"\0")[:4]
    is_frame = len(frame) > 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0
    return head.startswith(b"ID3") or (
        is_frame and frame[1] & 0x18 != 0x08 and frame[1] & 0x06 != 0 and frame[2] & 0xF0 != 0xF0
    )


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64", b"RIFX") and head[8:12] == b"WAVE"


def _is_ogg(head: bytes) -> bool:
    return head[:5] == b"OggS\0"


_HEADS: dict[str, Callable[[bytes], bool]] = {
    "video/mp4": _is_boxes,
    "video/quicktime": _is_boxes,
    "audio/mp4": _is_boxes,
    "video/webm": _is_webm,
    "audio/mpeg": _is_mp3,
    "audio/wav": _is_wav,
    "audio/ogg": _is_ogg,
}
TYPES = frozenset(_HEADS)
