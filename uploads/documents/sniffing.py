"""What the first bytes of a file are, as one media type.

libmagic does most of it; fixed headers that it confuses or does not know (MP3 frames, ISO media
brands, EBML document types, short texts) are read here by hand. Only the head is ever looked at:
nothing is decoded or unpacked. Knows neither names nor what is allowed: `policy` judges.
"""

from __future__ import annotations

import codecs
import functools

import pylibmagic  # noqa: F401 - must come before `magic`: it decides which libmagic is loaded

import magic  # isort: skip

UNKNOWN = "application/octet-stream"

# Names under which different versions of libmagic report the same thing.
_SAME = {
    "application/x-ole-storage": "application/CDFV2",
    "application/encrypted": "application/CDFV2",
    "application/ogg": "audio/ogg",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/vnd.wave": "audio/x-wav",
    "image/heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
    "text/rtf": "application/rtf",
    "video/ogg": "audio/ogg",
}
# Brands of ISO/IEC 14496-12 `ftyp` boxes, in the order in which they decide.
_BRANDS = (
    ("image/avif", {b"avif", b"avis"}),
    ("image/heic", {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}),
)
_STILL = {b"mif1", b"msf1", b"mif2", b"miaf"}
_AUDIO = {b"M4A ", b"M4B "}
_MPEG1_KBIT = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBIT = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LOCAL_FILE = b"PK\x03\x04"
_OOXML = "application/vnd.openxmlformats-officedocument."
_FOLDERS = (
    (b"word/", _OOXML + "wordprocessingml.document"),
    (b"xl/", _OOXML + "spreadsheetml.sheet"),
    (b"ppt/", _OOXML + "presentationml.presentation"),
)
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")


def sniff(untrusted_head: bytes) -> str:
    """The media type that the first bytes (up to 4 KiB) show; `UNKNOWN` when they show none."""
    found = _iso_media(untrusted_head) or _ebml(untrusted_head) or _wave(untrusted_head)
    found = found or _libmagic(untrusted_head)
    found = _SAME.get(found, found)
    if found.startswith("text/") and _has_zero_bytes(untrusted_head):
        found = UNKNOWN  # libmagic calls some programs whose headers make no sense plain text
    if found == UNKNOWN:
        if untrusted_head.startswith(_LOCAL_FILE):
            return _office(untrusted_head)
        if _is_mp3(untrusted_head):
            return "audio/mpeg"
        if _is_text(untrusted_head):
            return "text/plain"
    if found == "image/svg+xml" and not _begins_with_tag(untrusted_head):
        return "text/plain" if _is_text(untrusted_head) else UNKNOWN
    if found == "text/html" and not _is_html_document(untrusted_head):
        return "text/plain"
    return found


@functools.cache
def _detector() -> magic.Magic:
    """One libmagic cookie for the process; python-magic holds a lock around each use of it."""
    return magic.Magic(mime=True)


def _libmagic(head: bytes) -> str:
    try:
        return str(_detector().from_buffer(head))
    except magic.MagicException:
        return UNKNOWN


def _iso_media(head: bytes) -> str | None:
    """MP4's family by the brands of its first box (ISO/IEC 14496-12, section 4.3)."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head), 512)
    major = head[8:12]
    brands = {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major == b"qt  ":
        return "video/quicktime"
    for found, wanted in _BRANDS:
        if major in wanted or (major in _STILL and brands & wanted):
            return found
    if major in _STILL:
        return "image/heic"
    return "audio/mp4" if major in _AUDIO else "video/mp4"


def _ebml(head: bytes) -> str | None:
    """WebM or Matroska by the DocType element (RFC 8794, section 11.2.6)."""
    if head[:4] != b"\x1a\x45\xdf\xa3":
        return None
    at = head.find(b"\x42\x82", 4, 64)
    if at < 0 or at + 3 > len(head):
        return "video/x-matroska"
    size = head[at + 2] & 0x7F
    # Zeros at its end are no part of a text (RFC 8794, 7.4); GStreamer writes one.
    doctype = head[at + 3 : at + 3 + size].rstrip(b"\0")
    return "video/webm" if doctype == b"webm" else "video/x-matroska"


def _wave(head: bytes) -> str | None:
    """Sound of a wide size (EBU Tech 3306, ITU-R BS.2088) or big-endian: libmagic knows neither."""
    is_wave = head[:4] in (b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE"
    return "audio/x-wav" if is_wave else None


def _office(head: bytes) -> str:
    """A ZIP by the folders of its first members: libmagic gives up where the third lies further on.

    Local file headers as in APPNOTE.TXT 4.3.7: 30 bytes, then the name.
    """
    at = 0
    while at >= 0:
        for folder, found in _FOLDERS:
            if head.startswith(folder, at + 30):
                return found
        at = head.find(_LOCAL_FILE, at + 4)
    return "application/zip"


def _is_mp3(head: bytes) -> bool:
    """An ID3v2 tag, or two layer III frames in a row (ISO/IEC 11172-3, section 2.4.1).

    libmagic knows both, but not behind the zeros that some encoders put in front.
    """
    head = head.lstrip(b"\0")
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[3:5]) < 0xFF:
        return True
    size = _frame_size(head[:4])
    if size is None:
        return _is_free_mp3(head)
    return _frame_size(head[size : size + 4]) is not None


def _is_free_mp3(head: bytes) -> bool:
    """Three frames of a free bit rate, which tell their length by where the next one begins."""
    free = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and not head[2] >> 4
    at = head.find(head[:2], 24) if free else -1
    while at > 0:
        # Each of them may be padded by a byte.
        if head.find(head[:2], 2 * at - 1, 2 * at + 3) > 0 and not head[at + 2] >> 4:
            return True
        at = head.find(head[:2], at + 1, len(head) // 2)
    return False


def _frame_size(header: bytes) -> int | None:
    """Bytes of the MPEG layer III frame with this header, or None where it is not one."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate, hertz = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or hertz == 3:
        return None
    table, factor = (_MPEG1_KBIT, 144) if version == 3 else (_MPEG2_KBIT, 72)
    return factor * table[rate] * 1000 // _HERTZ[version][hertz] + (header[2] >> 1 & 1)


def _is_text(head: bytes) -> bool:
    """Printable UTF-8: libmagic calls texts of a byte or two, and empty lines, unknown.

    Editors of DOS end one with a byte of its own (0x1A).
    """
    head = head.removesuffix(b"\x1a")
    if not head or any(byte < 0x20 and byte not in b"\t\n\f\r" for byte in head):
        return False
    try:
        # An incremental decoder lets the head end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _has_zero_bytes(head: bytes) -> bool:
    """Zero bytes stand in no text but UTF-16 and UTF-32, which begin with their mark."""
    return b"\0" in head and not head.startswith(_WIDE_MARKS)


def _begins_with_tag(head: bytes) -> bool:
    """Whether it may be XML. libmagic finds a drawing in the middle of a program's source, too."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\f").startswith(b"<")


def _is_html_document(head: bytes) -> bool:
    """Whether a whole page begins here. Markdown and notes may well begin with a tag."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\f").lower().startswith(_MARKUP)
