"""Extra fields of ZIP headers (PKWARE APPNOTE 6.3.10, section 4.5)."""

from __future__ import annotations

import struct

from uploads.documents.readers.limits import Refusal

FULL32 = 0xFFFFFFFF


class Wide:
    """The ZIP64 extra field: 8 bytes for each value that is full, in order (APPNOTE 4.5.3)."""

    def __init__(self, field: bytes) -> None:
        self._field = field

    def take(self, value: int) -> int:
        """The value, or what stands for it where it is full. Raises: Refusal."""
        if value != FULL32:
            return value
        if len(self._field) < 8:
            raise Refusal("malformed-file", "zip: zip64 field")
        taken, self._field = self._field[:8], self._field[8:]
        return int.from_bytes(taken, "little")


def read_extra(extra: bytes) -> dict[int, bytes]:
    """Split extra fields; the first of a kind counts. A ragged end is common and ignored."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        fields.setdefault(kind, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return fields
