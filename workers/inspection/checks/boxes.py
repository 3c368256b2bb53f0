"""Boxes of the ISO base media format (ISO/IEC 14496-12, 4.2): MP4, MOV, HEIC, AVIF. By offsets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from workers.inspection.limits import Refusal

_BOXES = 100_000
_KIND = re.compile(rb"[\x20-\x7e\xa9]{4}")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four-letter kind, and where its content starts and ends."""

    kind: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes from `start` on; stop at what is none. Raises: Refusal for too many.

    The last one is cut to the end of the file: films that were cut off are played all the same.
    """
    limit = file.seek(0, os.SEEK_END) if end is None else end
    at = start
    for _ in range(_BOXES):
        file.seek(at)
        head = file.read(16)
        if at + 8 > limit or len(head) < 8 or not _KIND.fullmatch(head[4:8]):
            return
        size, length = int.from_bytes(head[:4], "big"), 8
        if size == 1 and len(head) == 16:
            size, length = int.from_bytes(head[8:16], "big"), 16
        size = size or limit - at
        if size < length:
            return
        yield Box(head[4:8], at + length, min(at + size, limit))
        at += size
    raise Refusal("malformed-file", "too many boxes")
