"""Extra fields of ZIP headers, and comments (PKWARE APPNOTE 6.3.10, section 4.5)."""

from __future__ import annotations

import re
import struct

from uploads.documents.readers.limits import Refusal

FULL32 = 0xFFFFFFFF
_ROOM_BYTES = 64  # a file of any kind that holds something is longer
_FOREIGN = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-\d|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|MSCF\0{4}|\xfd7zXZ\0|"
    rb"\x1f\x8b\x08[\0-\x1f].{4}[\0\2\4]|BZh[1-9]1AY&SY|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|"
    rb"\x28\xb5\x2f\xfd|ustar[ \0]",
    re.DOTALL,
)


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


def check_aside(data: bytes) -> None:
    """Refuse a file in an extra field or a comment: a second one in the same bytes.

    Programs that look for archives in any bytes open it, and ours do not look there. Raises:
    Refusal.
    """
    if len(data) >= _ROOM_BYTES and _FOREIGN.search(data):
        raise Refusal("second-format", "zip: a file beside the entries")
