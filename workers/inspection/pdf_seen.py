"""Which objects of a PDF were looked at, in any of its revisions, and what no table names.

By its place an object is known again in each revision. Knows no library.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.pdf_bytes import Bytes, heads, names_unescaped

_OFFSET, _PACKED = 1, 2  # types of entries (ISO 32000-1, table 18)
_DEPTH = 100
_TEXT_BYTES = 1024 * 1024
_BEFORE_DATA = 64 * 1024
_SPACE = b"\0\t\n\f\r "


Place = tuple[int, int]
"""Where an object is: an offset and WHOLE, or the offset of a stream and the place packed in it."""
WHOLE = -1
NOTHING, INSIDE, NAME = range(3)
"""Whether an object must be looked into; a name may stand for a value anywhere."""


@dataclass(slots=True)
class _Packed:
    count: int | None
    has_words: bool


class Seen:
    """What is known of one file. `words` are names that are looked for."""

    def __init__(self, words: Sequence[str], shift: int) -> None:
        either = b"|".join(re.escape(word.encode()) for word in words)
        self._pattern = re.compile(rb"(?:" + either + rb")(?![^\0\t\n\f\r ()<>\[\]{}/%])")
        self._shift = shift
        self.hits: dict[Place, int] = {}
        self.nulls: set[Place] = set()
        self.files: dict[Place, int] = {}
        self._newer: list[Mapping[tuple[int, int], Place]] = []
        self._living: set[tuple[int, int]] | None = None
        self.packed: dict[int, set[int]] = defaultdict(set)
        self._streams: dict[int, _Packed] = {}

    def places(self, table: Mapping[tuple[int, int], Any]) -> dict[tuple[int, int], Place]:
        """Where the objects of a revision are, by number and generation; `table` is pikepdf's."""
        places = {}
        for number, entry in table.items():
            if (kind := entry.type) == _OFFSET:
                places[number] = entry.offset, WHOLE
            elif kind == _PACKED:
                stream = table.get((entry.obj_stream_number, 0))
                if stream is not None and stream.type == _OFFSET:
                    places[number] = stream.offset, entry.obj_stream_index
                    self.packed[stream.offset].add(entry.obj_stream_index)
        return places

    def revives(self, places: Mapping[tuple[int, int], Place]) -> bool:
        """Whether a revision has objects that a newer one does not, or has as null.

        What refers to null is not written out: such a revision's objects say more than the newer's.
        """
        for newer in self._newer:
            living = {number for number, place in newer.items() if place not in self.nulls}
            self._living = living if self._living is None else self._living & living
        self._newer = [places]
        return self._living is not None and not places.keys() <= self._living

    def hit(self, written: bytes) -> int:
        """Whether an object that is written out like this must be looked into."""
        if self._pattern.search(written):
            return NAME if written.startswith(b"/") else INSIDE
        deep = written.count(b"[") + written.count(b"<<") > _DEPTH
        return INSIDE if deep else NOTHING

    def note_packed(self, place: Place, count: int | None, unpacked: bytes | None) -> None:
        """Keep whether a word is among packed objects; None for such that cannot be unpacked."""
        self._streams[place[0]] = _Packed(count, unpacked is None or self._has_words(unpacked))

    def check_rest(self, data: Bytes, budget: Budget) -> None:
        """Raises: Refusal where a word stands in an object that no table of the file names."""
        for offset, stream in self._streams.items():
            named = stream.count is not None and len(self.packed[offset]) >= stream.count
            if stream.has_words and not named:
                _nobodys()
        starts = list(heads(data))
        budget.look(1 + len(starts) // 2)
        known = {self._start(data, place[0]) for place in self.hits if place[1] == WHOLE}
        skipped = self._in_files(data)
        for at, following in zip(starts, [*starts[1:], len(data)], strict=True):
            if at in known or any(start < at < end for start, end in skipped):
                continue
            text = data[at : min(following, at + _TEXT_BYTES)]
            budget.look(1 + len(text) // 64)
            if self._has_words(text) or b"/ObjStm" in names_unescaped(text):
                _nobodys()

    def _has_words(self, text: bytes) -> bool:
        return self._pattern.search(names_unescaped(text)) is not None

    def _start(self, data: Bytes, offset: int) -> int:
        """Where its number stands; a table may point at the space before it."""
        at = offset + self._shift
        while at < len(data) and data[at] in _SPACE:
            at += 1
        return at

    def _in_files(self, data: Bytes) -> list[tuple[int, int]]:
        """From where to where the bytes of attached files are."""
        spans = []
        for (offset, _), size in self.files.items():
            at = offset + self._shift
            start = data.find(b"stream", at, at + _BEFORE_DATA)
            if start >= 0:
                spans.append((start, start + size))
        return spans


def _nobodys() -> NoReturn:
    raise Refusal("malformed-file", "pdf: an object that no table names")
