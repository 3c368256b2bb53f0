"""What an archive says is in it, for people who look at refused files: shown, never believed.

Unlike `ziptable` it judges nothing and doubts nothing: of an archive that was refused for its
sloppiness it tells as much as can be read. It sees only the last bytes of the file, unpacks
nothing, and gives no more names than a page can hold, each escaped.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

TAIL_BYTES = 1024 * 1024
"""How much of a file's end is looked at."""
MOST = 500
"""How many members are listed."""
_NAME_CHARS = 255
_NAME_BYTES = 1024
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_FULL32 = 0xFFFFFFFF
_ENCRYPTED, _UTF8 = 0x0001, 0x0800


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as the directory has it; sizes in bytes, None where they stand elsewhere."""

    name: str
    size: int | None
    packed: int | None
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Members:
    """`count` is how many the archive says it has; `complete` whether all of them are listed."""

    count: int
    items: tuple[Member, ...]
    complete: bool


def read_members(tail: bytes, size: int) -> Members | None:
    """The members named in the directory of a ZIP of `size` bytes that ends with `tail`.

    None where there is no end record (APPNOTE 4.3.16).
    """
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    base = size - len(tail)
    count, length, offset, at = _widened(tail, base, at) or (count, length, offset, at)
    for start in (at - length, offset - base):
        if start >= 0 and tail[start : start + 4] == b"PK\1\2":
            items = _walk(tail, start)
            return Members(count, items, len(items) == count)
    return Members(count, (), count == 0)


def escaped(untrusted_name: str) -> str:
    """A stranger's name as one line of visible text: what steers a screen is shown as its code."""
    shown = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode()
        for one in untrusted_name[:_NAME_CHARS]
    )
    return shown[:_NAME_CHARS]


def _widened(tail: bytes, base: int, at: int) -> tuple[int, int, int, int] | None:
    """Count, length, offset and end of the directory by the ZIP64 end record (4.3.14, 4.3.15)."""
    locator = tail[max(0, at - _LOCATOR.size) : at]
    if len(locator) < _LOCATOR.size or not locator.startswith(b"PK\6\7"):
        return None
    where = _LOCATOR.unpack(locator)[2] - base
    if not 0 <= where <= len(tail) - _END64.size or tail[where : where + 4] != b"PK\6\6":
        return None
    *_, count, length, offset = _END64.unpack_from(tail, where)
    return count, length, offset, where


def _walk(tail: bytes, at: int) -> tuple[Member, ...]:
    found: list[Member] = []
    while len(found) < MOST and len(tail) - at >= _CENTRAL.size and tail[at : at + 4] == b"PK\1\2":
        fields = _CENTRAL.unpack_from(tail, at)
        flags, (packed, unpacked, name_size, extra, comment) = fields[3], fields[8:13]
        name_at = at + _CENTRAL.size
        name = tail[name_at : name_at + min(name_size, _NAME_BYTES)]
        found.append(
            Member(
                escaped(name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")),
                None if unpacked == _FULL32 else unpacked,
                None if packed == _FULL32 else packed,
                bool(flags & _ENCRYPTED),
            )
        )
        at = name_at + name_size + extra + comment
    return tuple(found)
