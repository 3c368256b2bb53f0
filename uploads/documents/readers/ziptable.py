"""The table of a ZIP file (PKWARE APPNOTE 6.3.10, section 4), read by offsets and doubted.

Two programs can read two different archives out of one sloppy ZIP. So only the strict shape is
accepted: one end record that ends the file, a directory that ends where the end record starts,
entries that cover the rest without gap or overlap, and local headers that say what the directory
says. Nothing is unpacked here, and names are judged but never used.

At the door only the last bytes of a file are still there (`Tail`). What stands in local headers
before them is left to the worker, which reads the same table from the whole file.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import NoReturn

from uploads.documents.readers.limits import Budget, Refusal
from uploads.documents.readers.tail import Seekable
from uploads.documents.readers.window import OutOfReach
from uploads.documents.readers.zipextra import Wide, check_aside, read_extra

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_STREAMED = 0x0008
_UTF8 = 0x0800
_AES = 99
_NAME_BYTES = 1024
_DIRECTORY_BYTES = 64 * 1024 * 1024
_EXTRA_BYTES = 64  # behind a local name; what most writers need
_DESCRIPTOR_BYTES = (12, 16, 20, 24)
_ENDS = re.compile(rb"PK\x05\x06(?=.{16}(..))", re.DOTALL)
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
_PIPED = b"-"  # what came into Info-ZIP's `zip` by a pipe has this name and a pipe's mode
_NOTHING_PACKED = 16  # no deflater makes more of nothing


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: sizes in bytes as the directory states them, `start` where its data begins."""

    name: str
    method: int
    crc: int
    packed: int
    unpacked: int
    start: int

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class _End:
    count: int
    size: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class _Central:
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    offset: int


def read_table(file: Seekable, budget: Budget, *, led: bool = False) -> list[Entry]:
    """Return the entries in the order of the directory, all checks passed.

    `led` is for an archive within a member, before which something else may stand: a program that
    unpacks itself.

    Raises Refusal, and of a `Tail` OutOfReach when it does not hold the directory.
    """
    end = _find_end(file)
    budget.enter(end.count)
    found = _read_directory(file, end)
    names = [_checked_name(each.raw_name, each.flags) for each in found]
    if len(set(names)) != len(names):
        _malformed("two entries of one name")
    if any(each.flags & _ENCRYPTED or each.method == _AES for each in found):
        raise Refusal("encrypted", "zip: encrypted entries")
    stated = sum(each.unpacked for each in found)
    if stated > budget.limits.bytes:
        raise Refusal("bomb", "zip: stated size")
    budget.check_whole(stated, sum(each.packed for each in found))
    starts = _check_layout(file, found, end.offset, led=led)
    entries = []
    for each, name, start in zip(found, names, starts, strict=True):
        budget.check_ratio(each.unpacked, each.packed)
        entries.append(Entry(name, each.method, each.crc, each.packed, each.unpacked, start))
        if name.endswith("/") and (each.unpacked or each.packed > _NOTHING_PACKED):
            _malformed("a folder with content")
    return entries


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"zip: {detail}")


def _read(file: Seekable, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        _malformed("cut off")
    return data


def _find_end(file: Seekable) -> _End:
    """Find the one end record; it and its comment must end the file (APPNOTE 4.3.16)."""
    size = file.seek(0, os.SEEK_END)
    tail_at = max(0, size - _END.size - _FULL16)
    tail = _read(file, tail_at, size - tail_at)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        _malformed("no end record")
    _, disk, first_disk, here, count, directory, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment > len(tail):
        _malformed("cut off")
    if at + _END.size + comment < len(tail):
        raise Refusal("trailing-data", "zip: data after the end")
    if sum(_ends_file(found, tail) for found in _ENDS.finditer(tail)) > 1:
        # One in the comment of the other: who looks from the front reads another archive.
        _malformed("two end records")
    # All ones: the ZIP64 record tells (APPNOTE 4.4.1.4), as those write it who do not know yet.
    if disk not in (0, _FULL16) or first_disk not in (0, _FULL16) or here != count:
        _malformed("several disks")
    check_aside(tail[at + _END.size :])
    end = _End(count, directory, offset, tail_at + at)
    end = _widen(file, end)
    # Also catches data before the first entry: all offsets would be off by its length.
    if end.offset + end.size != end.position:
        _malformed("directory does not reach the end record")
    return end


def _ends_file(found: re.Match[bytes], tail: bytes) -> bool:
    return found.start() + _END.size + int.from_bytes(found[1], "little") == len(tail)


def _widen(file: Seekable, end: _End) -> _End:
    """Return the ZIP64 end record where there is one (APPNOTE 4.3.14 and 4.3.15)."""
    at = end.position - _END64_LOCATOR.size
    locator = _read(file, at, _END64_LOCATOR.size) if at >= 0 else b""
    if not locator.startswith(b"PK\6\7"):
        return end
    _, _, position, disks = _END64_LOCATOR.unpack(locator)
    if position + _END64.size > at or disks > 1:
        _malformed("zip64 locator")
    record = _END64.unpack(_read(file, position, _END64.size))
    signature, length, _, _, disk, first_disk, here, count, directory, offset = record
    if signature != b"PK\6\6" or position + 12 + length != at or here != count:
        _malformed("zip64 end record")
    if disk or first_disk:
        _malformed("several disks")
    pairs = (
        (end.count, count, _FULL16),
        (end.size, directory, _FULL32),
        (end.offset, offset, _FULL32),
    )
    if any(short not in (full, wide) for short, wide, full in pairs):
        _malformed("the two end records disagree")
    return _End(count, directory, offset, position)


def _read_directory(file: Seekable, end: _End) -> list[_Central]:
    if end.size > _DIRECTORY_BYTES:
        _malformed("a directory out of proportion")
    data = _read(file, end.offset, end.size)
    found: list[_Central] = []
    at = 0
    while at < len(data):
        if len(found) == end.count:
            _malformed("more entries than stated")
        central, length = _read_central(data, at)
        found.append(central)
        at += length
    if at != len(data) or len(found) != end.count:
        _malformed("fewer entries than stated")
    return found


def _read_central(data: bytes, at: int) -> tuple[_Central, int]:
    if len(data) - at < _CENTRAL.size:
        _malformed("cut off")
    fields = _CENTRAL.unpack_from(data, at)
    signature, _, _, flags, method, _, _, crc, packed, unpacked = fields[:10]
    name_size, extra_size, comment_size, disk, _, attributes, offset = fields[10:]
    if signature != b"PK\1\2":
        _malformed("directory")
    if disk not in (0, _FULL16):
        _malformed("several disks")
    at += _CENTRAL.size
    raw_name = data[at : at + name_size]
    # Maven's archiver fills all bits for folders: that is no kind of anything.
    kinds = (0, 0o04, 0o10, 0o17 if raw_name[-1:] == b"/" else 0, 0o01 if raw_name == _PIPED else 0)
    if (attributes >> 28) not in kinds:
        _malformed("an entry that is neither file nor folder")
    end = at + name_size + extra_size + comment_size
    check_aside(data[at + name_size : end])
    if extra_size or _FULL32 in (unpacked, packed, offset):
        extra = read_extra(data[at + name_size : at + name_size + extra_size])
        _check_unicode_name(extra.get(0x7075, b""))
        wide = Wide(extra.get(1, b""))
        unpacked, packed, offset = wide.take(unpacked), wide.take(packed), wide.take(offset)
    central = _Central(raw_name, flags, method, crc, packed, unpacked, offset)
    return central, _CENTRAL.size + name_size + extra_size + comment_size


def _check_unicode_name(field: bytes) -> None:
    """The Info-ZIP Unicode Path replaces the name in some programs (APPNOTE 4.6.9)."""
    if field:
        _checked_name(field[5:], _UTF8)


def _checked_name(raw: bytes, flags: int) -> str:
    """The name, with a slash for each backslash (APPNOTE 4.4.17.1 forbids them).

    Windows PowerShell 5.1 writes them between folders, and one is half of a letter in Shift JIS.
    """
    if not raw or len(raw) > _NAME_BYTES:
        _malformed("a name that is empty or too long")
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437").replace("\\", "/")
    except UnicodeDecodeError:
        _malformed("a name that is not UTF-8")
    if _BAD_NAME.search(name):
        _malformed("a name that leads elsewhere")
    return name


def _check_layout(file: Seekable, found: list[_Central], limit: int, *, led: bool) -> list[int]:
    """Return where each entry's data starts; entries must tile the file up to `limit`."""
    starts = [0] * len(found)
    expected = min((each.offset for each in found), default=0) if led else 0
    gaps: tuple[int, ...] = (0,)
    for number in sorted(range(len(found)), key=lambda index: found[index].offset):
        each = found[number]
        _check_gap(each.offset - expected, gaps)
        try:
            starts[number], streamed = _read_local(file, each)
            gaps = (0, *_DESCRIPTOR_BYTES) if streamed else (0,)
        except OutOfReach:
            # Its header may be longer than this, and a descriptor may follow its data.
            starts[number], gaps = each.offset + _LOCAL.size + len(each.raw_name), ()
        expected = starts[number] + each.packed
    _check_gap(limit - expected, gaps)
    return starts


def _check_gap(gap: int, allowed: tuple[int, ...]) -> None:
    """Hold the bytes between two entries against what may be there; nothing allowed: any."""
    if gap < 0:
        raise Refusal("bomb", "zip: overlapping entries")
    if allowed and gap not in allowed:
        _malformed("data between entries")


def _read_local(file: Seekable, central: _Central) -> tuple[int, bool]:
    """Compare a local header with the directory; return data start and whether it was streamed."""
    file.seek(central.offset)
    head = file.read(_LOCAL.size + len(central.raw_name) + _EXTRA_BYTES)
    if len(head) < _LOCAL.size:
        _malformed("cut off")
    signature, _, flags, method, _, _, crc, packed, unpacked, name_size, extra_size = (
        _LOCAL.unpack_from(head)
    )
    if len(head) < _LOCAL.size + name_size + extra_size:
        head = _read(file, central.offset, _LOCAL.size + name_size + extra_size)
    rest = head[_LOCAL.size : _LOCAL.size + name_size + extra_size]
    extra = read_extra(rest[name_size:])
    check_aside(rest[name_size:])
    _check_unicode_name(extra.get(0x7075, b""))
    wide = Wide(extra.get(1, b""))
    if signature != b"PK\3\4" or rest[:name_size] != central.raw_name or method != central.method:
        _malformed("a local header disagrees with the directory")
    if (flags ^ central.flags) & _ENCRYPTED:
        _malformed("a local header disagrees about encryption")
    streamed = bool(flags & _STREAMED)
    if not streamed or 1 in extra:
        unpacked, packed = wide.take(unpacked), wide.take(packed)
    stated = ((crc, central.crc), (packed, central.packed), (unpacked, central.unpacked))
    for local, directory in stated:
        if local != directory and not (streamed and local in (0, _FULL32)):
            _malformed("a local header disagrees about sizes")
    start = central.offset + _LOCAL.size + name_size + extra_size
    return start, streamed
