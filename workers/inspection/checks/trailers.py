"""Second formats in the same bytes: what another program would open as a file of its own.

The readers of headers have refused what stands behind an end without being declared; here the
whole file is at hand, and what is declared is searched as well.
"""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection.checks.buried import archive_in

_SCAN_BYTES = 64 * 1024 * 1024
_TAIL_BYTES = 66_000  # an end record and its longest comment
_END = struct.Struct("<4s4H2LH")
FOREIGN = re.compile(
    rb"%PDF-\d|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|MSCF\0{4}|MSWIM\0{3}|<\?php|<!doctype\s+html|"
    rb"<(?:html|script|iframe|svg)[\s>/]",
    re.IGNORECASE,
)
_PROGRAMS = (b"#!", b"MZ", b"\x7fELF")


def check_extras(file: BinaryIO, at: int) -> None:
    """Look through what follows offset `at` by declaration. Raises: Refusal."""
    file.seek(at)
    extras = file.read(_SCAN_BYTES)
    if extras.startswith(_PROGRAMS) or FOREIGN.search(extras):
        raise Refusal("second-format", "a second format behind the end")


def check_archive_tail(file: BinaryIO, *, to_the_end: bool = False) -> None:
    """Refuse a file that a ZIP reader would accept as an archive. Raises: Refusal.

    `to_the_end` is for formats that may well hold an archive: only one whose comment ends the
    file is what readers take it for.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if _is_end_record(tail, at, to_the_end):
            raise Refusal("second-format", "an archive as well")
        at = tail.rfind(b"PK\5\6", 0, at)


def _is_end_record(tail: bytes, at: int, to_the_end: bool) -> bool:
    if len(tail) - at < _END.size:
        return False
    _, disk, first, here, count, size, _, comment = _END.unpack_from(tail, at)
    if to_the_end and at + _END.size + comment != len(tail):
        return False
    directory = tail[max(0, at - size) :][:4] if size <= at else b"PK\1\2"
    return (disk, first) == (0, 0) and here == count and (not count or directory == b"PK\1\2")


def check_inner_archives(file: BinaryIO, limits: Limits) -> bool:
    """Return whether a ZIP may be behind a PDF. Raises: Refusal, for another archive in its bytes.

    A PDF may well hold one: it is no second format, but what nobody opens here.
    """
    if name := archive_in(file, limits, zips=False):
        raise Refusal(
            "unknown-packing", f"an archive that is not opened inside of the bytes: {name}"
        )
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    return b"PK\5\6" in file.read()
