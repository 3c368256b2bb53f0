"""Archives that programs find in any bytes, wherever in a file they begin.

WinRAR, 7-Zip, cabextract and their kin look for an archive behind the head of a program, and do not
ask whether one is there. What they need to find one is demanded here, and no more: a wrong checksum
stops none of them but 7-Zip. That is still too much for bytes of films and pictures to have by
chance. One pass in pieces, and nothing is unpacked. Knows no library.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal

_PIECE_BYTES = 256 * 1024
_NEAR_BYTES = 8 * 1024 * 1024
"""How far the lesser ones are looked for: 7-Zip looks as far behind a program, others less far."""
_BEFORE, _HEAD_BYTES = 8, 4096
"""What a test may want: from before its mark (ACE), and behind it (a whole header of ARJ)."""
_END, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL")
_CABINET = struct.Struct("<8xL4xL6x2H6x")
_LHA_SYSTEMS = b"\0MU23CFHJKRTWXmwp9 "


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an archive may begin (a ZIP: where it ends): `head` is what stands there."""

    file: BinaryIO
    size: int
    at: int
    head: bytes


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is looked for: its mark `before` bytes behind its beginning, its shape, what tells."""

    name: str
    mark: bytes
    shape: re.Pattern[bytes]
    before: int
    is_one: Callable[[_Place], bool]


def check_buried(file: BinaryIO, limits: Limits) -> None:
    """Look through a whole file that is no archive itself. Raises: Refusal."""
    if name := archive_in(file, limits):
        raise Refusal("second-format", f"an archive in its bytes: {name}")


def archive_in(file: BinaryIO, limits: Limits, *, zips: bool = True) -> str | None:
    """The name of the first kind of archive in the bytes; None where there is none.

    Without `zips` one that is found from its end is not counted. Raises: Refusal for lack of time.
    """
    size, budget = file.seek(0, io.SEEK_END), Budget(limits)
    for base, window, start, stop in _windows(file):
        budget.check_time()
        for kind in (*_ANYWHERE, *_NEAR) if base < _NEAR_BYTES else _ANYWHERE:
            # Finding is four times faster than matching, and mostly there is nothing to match.
            if window.find(kind.mark, start) < 0 or (kind is _ZIP and not zips):
                continue
            for found in kind.shape.finditer(window, start):
                first = found.start() - kind.before
                if found.start() >= stop:
                    break
                head = window[max(0, first) : first + _HEAD_BYTES]
                if first >= 0 and kind.is_one(_Place(file, size, base + first, head)):
                    return kind.name
    return None


def _windows(file: BinaryIO) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield where a window stands in the file, its bytes, and between what places marks count.

    Every place counts in one of them, with as much on both sides as any test wants.
    """
    window, base, start, read = b"", 0, 0, 0
    while True:
        file.seek(read)  # a test may have been elsewhere
        piece = file.read(_PIECE_BYTES)
        read += len(piece)
        window += piece
        stop = len(window) if not piece else max(start, len(window) - _HEAD_BYTES)
        yield base, window, start, stop
        if not piece:
            return
        kept = max(0, stop - _BEFORE)
        window, base, start = window[kept:], base + kept, stop - kept


def _by_its_mark(_: _Place) -> bool:
    return True


def _is_cabinet(place: _Place) -> bool:
    """MS-CAB, 2.1: its reserved fields, which not all programs look at, or places and counts."""
    if len(place.head) < _CABINET.size:
        return False
    reserved = place.head[4:8], place.head[12:16], place.head[20:24]
    size, files_at, folders, files = _CABINET.unpack_from(place.head)
    fits = bool(_CABINET.size <= files_at < size <= place.size - place.at)
    return not any(map(any, reserved)) or (fits and folders > 0 and files > 0)


def _is_ace(place: _Place) -> bool:
    """Its main header is of a size that a header has."""
    return 20 <= int.from_bytes(place.head[2:4], "little") <= _HEAD_BYTES


def _is_arj(place: _Place) -> bool:
    """Its main header has a checksum (unarj, technote.txt): two bytes alone are found anywhere."""
    head, size = place.head, int.from_bytes(place.head[2:4], "little")
    if not 30 <= size <= 2600 or len(head) < 8 + size or head[4] > size:
        return False
    return zlib.crc32(head[4 : 4 + size]) == int.from_bytes(head[4 + size : 8 + size], "little")


def _is_lha(place: _Place) -> bool:
    """A header that adds up (LHa for UNIX, header.doc); of level 2 one that has no sum."""
    head = place.head
    if len(head) < 24 or int.from_bytes(head[7:11], "little") > place.size - place.at:
        return False
    if head[20] == 2:
        return head[19] == 0x20 and head[23] in _LHA_SYSTEMS
    return head[0] >= 20 and sum(head[2 : 2 + head[0]]) & 0xFF == head[1]


def _is_zip(place: _Place) -> bool:
    """APPNOTE 4.3.16: an end record whose directory ends where it begins, or leads to another."""
    if len(place.head) < _END.size:
        return False
    _, disk, first, here, count, size, _, _ = _END.unpack_from(place.head)
    if (disk, first) != (0, 0) or here != count or not count:
        return False
    if size > place.at:
        return _read(place, place.at - _LOCATOR.size, 4) == b"PK\6\7"
    return _read(place, place.at - size, 4) == b"PK\1\2"


def _read(place: _Place, at: int, size: int) -> bytes:
    place.file.seek(max(0, at))
    return place.file.read(size)


def _kind(
    name: str,
    mark: bytes,
    behind: bytes,
    is_one: Callable[[_Place], bool] = _by_its_mark,
    *,
    before: int = 0,
    ahead: bytes = b"",
) -> _Kind:
    shape = re.compile(ahead + re.escape(mark) + b"(?=" + behind + b")", re.DOTALL)
    return _Kind(name, mark, shape, before, is_one)


_LHA = rb"[0-9sdx]-.{13}[\0-\x02]"
_ZIP = _kind("ZIP", b"PK\5\6", rb"\0{4}", _is_zip)
# Marks of four bytes are found twice as fast as longer ones.
_ANYWHERE = (
    # RAR's technote, "RAR signature": of versions 1.5 to 4, or of 5 and later.
    _kind("RAR", b"Rar!", rb"\x1a\x07(?:\0|\x01\0)"),
    # 7zFormat.txt, "SignatureHeader": the major version has been 0 ever since.
    _kind("7z", b"\xbc\xaf\x27\x1c", rb"\0", before=2, ahead=rb"(?<=7z)"),
    _kind(
        "cabinet",
        b"MSCF",
        rb"\0{4}.{4}\0{4}.{4}\0{4}|.{20}\x03\x01.{4}[\0-\x07]\0",
        _is_cabinet,
    ),
    _ZIP,
)
_NEAR = (
    _kind("ACE", b"**ACE**", b"", _is_ace, before=7, ahead=rb"(?<=\0..)"),
    _kind("ARJ", b"\x60\xea", rb"..[\x1e-\xff].{5}\x02", _is_arj),
    _kind("LHA", b"-lh", _LHA, _is_lha, before=2),
    _kind("LHA", b"-lz", _LHA, _is_lha, before=2),
)
