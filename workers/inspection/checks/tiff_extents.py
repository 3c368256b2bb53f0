"""How far what a TIFF names reaches (TIFF 6, section 2), and what stands behind it.

The format has no end of its own. Directories, the values of their tags, strips and tiles, a JPEG in
them, and directories that tags lead to are followed. What none of them names is looked at where it
begins: stacks of ImageJ go on behind their first picture, makers' notes have places of their own.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits
from workers.inspection.checks.beginnings import check_beginning

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}
_PLACES = ((273, 279), (324, 325), (513, 514), (288, 289))
"""Tags of places and of how many bytes are there: strips, tiles, an old JPEG, what is free."""
_FOLDERS = (330, 34665, 34853, 40965)
"""Tags that lead to directories: further pictures, Exif, GPS, interoperability."""
_COMPRESSION, _OLD_JPEG = 259, 6
_NOTES = frozenset((37500, 50740))
"""Makers' notes and a DNG's private data: they may name pictures that nobody else does."""
_DIRECTORIES, _ENTRIES = 20_000, 4096
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class _Values:
    """Where a tag's values are, how many, and how each is written (None: no number)."""

    at: int
    count: int
    form: str | None


def check_tiff_end(file: BinaryIO, _: str, limits: Limits) -> None:
    """Look at what begins behind everything that is named. Raises: Refusal."""
    extents = _Extents(file, Budget(limits))
    check_beginning(file, extents.end, extents.size, pictures=not extents.private)


class _Extents:
    """`end` is behind the last byte that is named; `private` says that others may be as well."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file, self._budget = file, budget
        self.size = file.seek(0, io.SEEK_END)
        self.end, self.private = 0, False
        head = self._read(0, 16)
        self._order = ">" if head.startswith(b"MM") else "<"
        self._wide = struct.unpack_from(f"{self._order}H", head, 2)[0] == 43
        first = struct.unpack_from(f"{self._order}{'8xQ' if self._wide else '4xL'}", head)[0]
        self._reach(0, 16 if self._wide else 8)
        self._follow(first)

    def _follow(self, first: int) -> None:
        waiting, seen = [first], set[int]()
        while waiting and len(seen) < _DIRECTORIES:
            self._budget.check_time()
            at = waiting.pop()
            if at and at < self.size and at not in seen:
                seen.add(at)
                waiting += self._directory(at)

    def _directory(self, at: int) -> Iterator[int]:
        """Take in one directory; those that it leads to."""
        form, entry_bytes, after = ("Q", 20, "Q") if self._wide else ("H", 12, "L")
        counted = struct.calcsize(f"<{form}")
        head = self._read(at, counted)
        count = struct.unpack(f"{self._order}{form}", head)[0] if len(head) == counted else 0
        if not 0 < count <= _ENTRIES:
            return
        length = counted + count * entry_bytes
        whole = self._read(at, length + struct.calcsize(f"<{after}"))
        self._reach(at, len(whole))
        tags = dict(self._entry(whole, at, place) for place in range(counted, length, entry_bytes))
        self._take_pictures(tags)
        for tag in _FOLDERS:
            if tag in tags:
                yield from self._numbers(tags[tag])
        if len(whole) > length:
            yield from self._numbers(_Values(at + length, 1, after))

    def _entry(self, whole: bytes, at: int, place: int) -> tuple[int, _Values]:
        layout = f"{self._order}HH{'Q' if self._wide else 'L'}"
        inline = 8 if self._wide else 4
        if len(whole) < place + struct.calcsize(layout) + inline:
            return 0, _Values(0, 0, None)
        tag, kind, count = struct.unpack_from(layout, whole, place)
        value_at = place + struct.calcsize(layout)
        size = _SIZES.get(kind, 1) * count
        here = at + value_at
        if size > inline:
            offset = f"{self._order}{'Q' if self._wide else 'L'}"
            (here,) = struct.unpack_from(offset, whole, value_at)
            self._reach(here, size)
        self.private = self.private or tag in _NOTES
        return tag, _Values(here, count, _NUMBERS.get(kind))

    def _take_pictures(self, tags: dict[int, _Values]) -> None:
        nothing = _Values(0, 0, None)
        for places, lengths in _PLACES:
            starts, sizes = tags.get(places, nothing), tags.get(lengths, nothing)
            for start, size in zip_longest(self._numbers(starts), self._numbers(sizes)):
                # A place without a length goes on to nobody knows where.
                self._reach(start or 0, self.size if size is None else size)
        compression = next(self._numbers(tags.get(_COMPRESSION, nothing)), None)
        self.private = self.private or compression == _OLD_JPEG

    def _numbers(self, values: _Values) -> Iterator[int]:
        if values.form is None:
            return
        each, at, left = struct.calcsize(f"<{values.form}"), values.at, values.count
        while left > 0:
            self._budget.check_time()
            data = self._read(at, each * min(left, _BLOCK))
            found = len(data) // each
            yield from struct.unpack_from(f"{self._order}{found}{values.form}", data)
            if found < min(left, _BLOCK):
                return
            at, left = at + each * found, left - found

    def _reach(self, start: int, size: int) -> None:
        """Count what is named; a place outside of the file is none, one that leads out ends it."""
        if start < self.size:
            self.end = max(self.end, min(self.size, start + size))

    def _read(self, at: int, size: int) -> bytes:
        if at >= self.size:
            return b""
        self._file.seek(at)
        return self._file.read(size)
