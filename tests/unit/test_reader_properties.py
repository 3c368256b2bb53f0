"""Properties of the readers and of names, over bytes and texts that nobody thought of."""

from __future__ import annotations

import io
import itertools
import struct
import unicodedata
import zlib
from collections.abc import Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.endings import foreign_endings
from uploads.documents.errors import BadName
from uploads.documents.names import clean_name, content_disposition
from uploads.documents.policy import KNOWN, TAIL_BYTES
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading, read_whole

ORDERLY = settings(max_examples=500, derandomize=True, database=None, deadline=None)
TYPES = st.sampled_from([kind.type for kind in KNOWN])
# The first KiB is always waited for: what is of interest comes behind it.
FILLER = bytes(1100)
CUTS = st.lists(st.integers(0, 400) | st.integers(1100, 1400), max_size=40)
NUMBERS = st.integers(0, 2**32 - 1) | st.integers(0, 40)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(edges))


def door(media_type: str, parts: Iterator[bytes]) -> str | None:
    reading = Reading(media_type, Limits(), TAIL_BYTES)
    try:
        for part in parts:
            reading.feed(part)
        reading.close()
    except Refusal as refusal:
        return refusal.reason
    return None


def at_rest(media_type: str, data: bytes) -> str | None:
    try:
        read_whole(io.BytesIO(data), media_type, Limits())
    except Refusal as refusal:
        return refusal.reason
    return None


def box(kind: bytes, size: int | None, content: bytes) -> bytes:
    return struct.pack(">L", 8 + len(content) if size is None else size) + kind + content


def chunk(kind: bytes, length: int | None, content: bytes) -> bytes:
    stated = len(content) if length is None else length
    body = struct.pack(">L", stated) + kind + content
    return body + struct.pack(">L", zlib.crc32(kind + content))


def segment(kind: int, length: int | None, content: bytes) -> bytes:
    stated = 2 + len(content) if length is None else length & 0xFFFF
    return b"\xff" + bytes([kind]) + struct.pack(">H", stated) + content


SIZES = st.none() | NUMBERS
SHORT = st.binary(max_size=40)
BOXES = st.lists(
    st.builds(
        box,
        st.sampled_from([b"ftyp", b"meta", b"mdat", b"moov", b"iprp", b"\0\0\0\0"]),
        SIZES,
        SHORT,
    ),
    max_size=6,
).map(lambda found: b"\0\0\0\x10ftypheic\0\0\0\0" + box(b"free", None, FILLER) + b"".join(found))
CHUNKS = st.lists(
    st.builds(chunk, st.sampled_from([b"IHDR", b"acTL", b"IDAT", b"IEND", b"te?t"]), SIZES, SHORT),
    max_size=6,
).map(
    lambda found: (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", None, struct.pack(">LL5B", 9, 9, 8, 2, 0, 0, 0))
        + chunk(b"teXt", None, FILLER)
        + b"".join(found)
    )
)
SEGMENTS = st.lists(
    st.builds(segment, st.sampled_from([0xC0, 0xDA, 0xE1, 0xE2, 0xFE, 0xD9, 0xD8]), SIZES, SHORT)
    | SHORT,
    max_size=8,
).map(
    lambda found: (
        b"\xff\xd8" + segment(0xC0, None, struct.pack(">BHHB", 8, 9, 9, 1)) + b"".join(found)
    )
)
STARTS = st.sampled_from(
    [
        *(b"GIF89a\1\0\1\0\0\0\0", b"RIFF\x20\0\0\0WEBP", b"II*\0\x08\0\0\0", b"%PDF-1.7\n"),
        *(b"PK\3\4", b"PK\5\6", b"{\\rtf1", b"OggS\0\0", b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"),
        *(b"RIFF\x40\0\0\0WAVE", b"ID3", b"\xff\xfe", b"\xff\xfe\0\0", b""),
    ]
)
FILES = (
    st.tuples(st.sampled_from(["image/heic", "image/avif", "video/mp4", "audio/mp4"]), BOXES)
    | st.tuples(st.just("image/png"), CHUNKS)
    | st.tuples(st.just("image/jpeg"), SEGMENTS)
    | st.tuples(TYPES, st.builds(lambda start, rest: start + rest, STARTS, SHORT))
)


@ORDERLY
@given(FILES, CUTS)
@example(("image/jpeg", b"\xff\xd8\xff"), [1, 2])
@example(("image/tiff", b"II+\0\x08\0\0\0" + b"\xff" * 8), [])
def test_one_word_for_any_bytes_however_they_come(file: tuple[str, bytes], cuts: list[int]) -> None:
    """No reader raises anything but a refusal, and what the door refuses is refused at rest."""
    media_type, data = file
    found = door(media_type, iter([data]))
    assert door(media_type, pieces(data, cuts)) == found
    resting = at_rest(media_type, data)
    if found is not None:
        # Of a PNG, a checksum that only a file at rest is held against may come first.
        assert resting == found or media_type == "image/png"
        assert resting is not None


# What is taken away, put before or composed, and what it may uncover.
TRICKY = (
    "aCONul.~-_: \u0301\u0314\u0327\u200b\u200c\u200d\u202e\u00ad\u0627\u0628\u212a\u2026"
    "\u00a0\u2002\u3000\u3164\u115f\u1160\u2800\u034f\ufe0f\U000e0100"
)


@ORDERLY
@given(
    st.text(max_size=40)
    | st.text("a.\u200d\u202e\u0301 \\/:\u0627-", max_size=12)
    | st.text(TRICKY, max_size=12)
)
@example("\u2002\u200d\u0314.\u2026pdf")
@example("a.pdf\u2002.")
def test_a_name_is_refused_or_kept_for_good(name: str) -> None:
    """A kept name is a fixed point, composed, without paths, and a header of plain ASCII."""
    try:
        kept = clean_name(name, 255)
    except BadName:
        return
    assert clean_name(kept, 255) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert not set("/\\:\0\n\r\u202e\u2066") & set(kept)
    assert not set(" .\u200c\u200d\u2002\u3164\u2800\u034f\ufe0f") & {kept[0], kept[-1]}
    header = content_disposition("attachment", kept, released=False)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_an_end_is_seen_wherever_a_piece_ends() -> None:
    """Each foreign ending, cut in two at each of the bytes around its end."""
    for label, (media_type, data, reason) in foreign_endings().items():
        if reason != "trailing-data":
            continue
        own = len(data) - min(len(data) - 1, 700)
        for at in range(own, len(data)):
            assert door(media_type, iter([data[:at], data[at:]])) == reason, (label, at)
