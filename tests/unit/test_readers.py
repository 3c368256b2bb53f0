"""The readers of headers: the same word at the door and in the worker, however the bytes come."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import pytest

from tests.support import (
    active_files,
    benign_files,
    endings,
    hostile_archives,
    hostile_files,
    samples,
)
from tests.support.zip_bytes import Piece, make_zip
from uploads.documents.kinds import KNOWN
from uploads.documents.policy import TAIL_BYTES
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading, is_known, read_whole
from uploads.documents.readers.tail import Tail
from uploads.documents.readers.window import OutOfReach
from workers.inspection import cell_structure

HONEST = {
    **benign_files.all_files(),
    **endings.honest_endings(),
    **{
        f"sample {kind.extensions[0]}": (
            kind.type,
            {**samples.SAMPLES, **active_files.ACTIVE}[kind.extensions[0]](),
        )
        for kind in KNOWN
    },
}
HOSTILE = {
    **endings.foreign_endings(),
    **hostile_archives.archives(),
    **hostile_files.documents(),
    **hostile_files.pdfs(),
    **hostile_files.others(),
}
# Seen only by whoever unpacks, or has the whole file: the door takes these in.
LEFT_TO_THE_WORKER = {
    # of an archive's content
    *("nested bomb", "lying size", "too deep", "wrong checksum"),
    *("unknown method", "deflate64", "docm", "remote template"),
    *("packed program", "dde", "quoted dde"),
    *("billion laughs", "xxe", "utf-16 doctype", "vml doctype", "odt encrypted", "odt xxe"),
    *("pptx as xlsx",),
    # of a PDF's objects
    *("script", "launch", "opens address", "named script", "xfa", "rich media", "password"),
    *("launch by a name elsewhere", "script by an escaped name"),
    *("bomb in attachment", "deep attachment"),
    # of RTF's words
    *("rtf object", "rtf template"),
    # of a tail that the door does not keep, and of checksums
    *("zip in a film", "page in a film", "zip in a maker's trailer", "zip in png"),
    *("zip before a picture", "page before a picture"),
    *("script before a picture", "page in a sector"),
    *("zip behind tiff", "zip in box", "zip around an end", "zip behind endless wav"),
    *("zip behind endless webm", "zip behind rtf", "zip behind mp3", *endings.BURIED),
}
MUTANTS = 60


def door(media_type: str, data: bytes, pieces: Iterator[bytes], **limits: int) -> str | None:
    """The reason for which the door refuses these bytes, or None."""
    reading = Reading(media_type, Limits(**limits), TAIL_BYTES)
    try:
        for piece in pieces:
            reading.feed(piece)
        reading.close()
    except Refusal as refusal:
        return refusal.reason
    return None


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same bytes in pieces of any size, single bytes among them."""
    at = 0
    largest = chance.choice((1, 3, 50, 2000, 100_000))
    while at < len(data):
        size = chance.randint(1, largest)
        yield data[at : at + size]
        at += size


def worker(media_type: str, data: bytes) -> str | None:
    options = {**Limits().options(), "type": media_type}
    found, _ = cell_structure.run(io.BytesIO(data), options)
    return found.get("reason")


def mutants(data: bytes, chance: random.Random, count: int) -> Iterator[bytes]:
    """Bytes flipped near the start, the end or anywhere; cut off; cut out; grown."""
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 12)):
            near = chance.choice((64, 512, len(data)))
            at = chance.randrange(min(near, len(data)))
            at = len(data) - 1 - at if chance.random() < 0.3 else at
            changed[at] = chance.choice((0, 0xFF, chance.randrange(256)))
        first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        yield bytes(changed)
        yield bytes(changed[:last])
        yield bytes(changed[:first] + changed[last:])
        yield bytes(changed) + chance.randbytes(chance.randint(1, 40))


@pytest.mark.parametrize("label", HONEST)
def test_an_honest_file_passes_at_the_door_and_at_rest(label: str) -> None:
    """What cameras, phones and office programs write is let in, however it is cut."""
    media_type, data = HONEST[label]
    assert door(media_type, data, whole(data)) is None
    assert door(media_type, data, cut(data, random.Random(label))) is None
    read_whole(io.BytesIO(data), media_type, Limits())
    assert worker(media_type, data) is None


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_file_has_one_reason_wherever_it_is_found(label: str) -> None:
    """The door says the worker's word; what it cannot see is named above, and is the worker's."""
    media_type, data, reason = HOSTILE[label]
    assert worker(media_type, data) == reason
    at_the_door = None if label in LEFT_TO_THE_WORKER else reason
    assert door(media_type, data, whole(data)) == at_the_door
    assert door(media_type, data, cut(data, random.Random(label))) == at_the_door


def test_what_is_left_to_the_worker_is_in_the_table() -> None:
    """An exception for a file that is gone goes as well."""
    assert set(HOSTILE) >= LEFT_TO_THE_WORKER


@pytest.mark.parametrize("label", HONEST)
def test_damage_is_refused_or_passed_but_never_raises(label: str) -> None:
    """Any bytes, however cut, get one answer; what the door refuses, the worker refuses too."""
    media_type, data = HONEST[label]
    chance = random.Random(label)
    for mutant in mutants(data[:20_000], chance, MUTANTS // 4):
        found = door(media_type, mutant, whole(mutant))
        assert door(media_type, mutant, cut(mutant, chance)) == found
        if found is not None:
            with pytest.raises(Refusal):
                read_whole(io.BytesIO(mutant), media_type, Limits())


def test_every_known_type_has_a_reader() -> None:
    """A type without one would be waved through; and each reader refuses what is nothing."""
    for kind in KNOWN:
        assert is_known(kind.type)
        assert door(kind.type, b"", whole(b"\1nothing\0")) is not None, kind.type


def test_a_picture_is_refused_with_its_first_bytes() -> None:
    """Sixty thousand pixels square: the rest of the file is never waited for."""
    reading = Reading("image/png", Limits(), TAIL_BYTES)
    start = hostile_files.png(60_000, 60_000)[:33] + bytes(1000)
    with pytest.raises(Refusal) as refused:
        reading.feed(start)
    assert refused.value.reason == "bomb"


@pytest.mark.parametrize("label", ["jpeg", "png", "gif", "webp", "tiff", "avif", "heic"])
def test_the_pixel_limit_is_exact(label: str) -> None:
    """As many pixels as allowed pass, one less allowed and they do not."""
    media_type, data = benign_files.all_files()[label]
    pixels = {"gif": 32 * 32, "tiff": 32 * 32}.get(label, 64 * 48)
    # Codecs of HEIC and AVIF may pad to whole blocks.
    if label not in ("avif", "heic"):
        assert door(media_type, data, whole(data), pixels=pixels) is None
    assert door(media_type, data, whole(data), pixels=pixels - 1) == "bomb"


def test_a_table_beyond_the_tail_is_left_to_the_worker() -> None:
    """A directory that the door has not kept is no reason to refuse, and none to trust."""
    data = hostile_archives.many_empty_entries(5000)
    assert len(data) > 2 * TAIL_BYTES
    assert door("application/zip", data, cut(data, random.Random(1))) is None
    assert door("application/zip", data, whole(data), entries=4999) == "bomb"


def test_overlapping_entries_are_seen_without_their_local_headers() -> None:
    """Offsets and sizes of the directory alone show that entries share bytes."""
    kernel = Piece(b"a", random.Random(1).randbytes(2 * TAIL_BYTES), method=0)
    shadow = Piece(b"b", kernel.data, method=0, offset=0)
    data = make_zip(kernel, shadow)
    assert door("application/zip", data, whole(data)) == "bomb"
    alone = make_zip(kernel)
    assert door("application/zip", alone, whole(alone)) is None


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", hostile_files.png(9, 9)[:33] + b"\0\0\0\0teXt\0\0\0\0" * 200_000),
        ("image/gif", benign_files.animation("GIF")[:-1] + b"!\xfe" + b"\1x" * 2_000_000),
        ("image/jpeg", b"\xff\xd8" + b"\xff\xe0\0\2" * 200_000),
        ("video/mp4", benign_files.film() + b"\0\0\0\x08free" * 200_000),
    ],
)
def test_a_file_in_tiny_pieces_ends_by_the_count_of_steps(media_type: str, data: bytes) -> None:
    """No file buys more time than its bytes are worth."""
    reading = Reading(media_type, Limits(), TAIL_BYTES)
    with pytest.raises(Refusal, match="too many small pieces"):
        reading.feed(data)


@pytest.mark.parametrize(
    ("at", "value"), [(16, 0), (16, 0x80), (24, 3), (25, 1), (26, 1), (27, 1), (28, 2), (29, 0)]
)
def test_a_picture_needs_a_valid_header(at: int, value: int) -> None:
    """Size, depth, colour, methods and checksum of a PNG's IHDR, each for itself."""
    data = bytearray(benign_files.picture("PNG"))
    data[at : at + 1] = bytes([value])
    if at == 16:
        data[17:20] = bytes(3)
    if at < 29:
        data[29:33] = struct.pack(">L", zlib.crc32(data[12:29]))
    reason = "bomb" if (at, value) == (16, 0x80) else "malformed-file"
    assert door("image/png", bytes(data), whole(bytes(data))) == reason


@pytest.mark.parametrize("label", HONEST)
def test_what_is_kept_is_bounded(label: str) -> None:
    """Between two pieces a reader holds what it waits for, and of a package the tail."""
    media_type, data = HONEST[label]
    reading = Reading(media_type, Limits(), TAIL_BYTES)
    reading.feed(data[:-1])
    window, tail = reading._walk._window, reading._tail
    assert len(window.data) + sum(map(len, reading._walk._held)) <= 4096
    assert tail is None or len(tail._data) <= 2 * TAIL_BYTES


def test_a_tail_stays_as_long_as_it_is() -> None:
    """However a long stream is cut, its tail is the last bytes and no more than twice them."""
    chance = random.Random(7)
    data = chance.randbytes(1_000_000)
    tail = Tail(68 * 1024)
    for piece in cut(data, chance):
        tail.feed(piece)
        assert len(tail._data) <= 2 * 68 * 1024
    tail.seek(-68 * 1024, 2)
    assert tail.read() == data[-68 * 1024 :]
    tail.seek(-68 * 1024 - 1, 2)
    with pytest.raises(OutOfReach):
        tail.read(1)


def test_extra_fields_of_any_number_are_read() -> None:
    """Sixteen thousand of them in one entry are no fault."""
    extra = struct.pack("<2H", 7, 0) * 16_000
    data = bytearray(make_zip(Piece(b"a", b"x", method=0)))
    at = data.index(b"PK\1\2")
    data[at + 30 : at + 32] = struct.pack("<H", len(extra))
    data[at + 47 : at + 47] = extra
    end = data.rindex(b"PK\5\6")
    data[end + 12 : end + 16] = struct.pack("<L", 47 + len(extra))
    assert door("application/zip", bytes(data), whole(bytes(data))) is None


JSON = {
    b'{"a": [1]}\n': True,
    b"\xef\xbb\xbf [] \r\n": True,
    b'{"a": 1}\n{"a": 2}\n': True,
    b'"text"': True,
    b"-1.5e3": True,
    b"null": True,
    b" \n\t{}": True,
    b"{": False,
    b"[1, 2": False,
    b"nothing": False,
    b"# a comment\n{}": False,
    b"   ": False,
    b'{"a": "\0"}': False,
}


@pytest.mark.parametrize("text", JSON, ids=repr)
def test_json_is_known_by_its_ends(text: bytes) -> None:
    """Whole objects, values and lines of them; what is cut off or prose is refused."""
    found = door("application/json", text, whole(text))
    assert (found is None) is JSON[text]
    assert found in (None, "malformed-file")
