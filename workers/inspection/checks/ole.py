"""OLE compound files (MS-CFB): packed programs, macros, and links to what lies elsewhere.

Names are looked for in all of the bytes, not by the directory: programs repair what is broken.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Refusal
from workers.inspection.checks.biff import STREAMS, check_biff
from workers.inspection.ole import read_ole

# A packed file (MS-OLEDS, 2.3.6), and what every project of macros has (MS-OVBA, 2.2.1). Letters
# count whatever their size (MS-CFB, 2.6.4).
_NAMES = {
    "\x01OLE10NATIVE".encode("utf-16-le"): "ole: a packed program",
    "_VBA_PROJECT".encode("utf-16-le"): "ole: macros",
}
# What a storage says that it is: a link, or the packager of programs.
_CLASSES = {
    uuid.UUID(number).bytes_le: detail
    for detail, numbers in {
        "ole: a link to what lies elsewhere": (
            *("00000300-0000-0000-c000-000000000046", "79eac9e0-baf9-11ce-8c82-00aa004ba90b"),
            *("00000303-0000-0000-c000-000000000046", "00000309-0000-0000-c000-000000000046"),
            *("06290bd3-48aa-11d2-8432-006008c3fbfc", "3050f4d8-98b5-11cf-bb82-00aa00bdce0b"),
            "ecabb0c7-7f19-11d2-978e-0000f8757e2a",
        ),
        "ole: a packed program": (
            *("0003000c-0000-0000-c000-000000000046", "00020c01-0000-0000-c000-000000000046"),
            *("0003000d-0000-0000-c000-000000000046", "0003000e-0000-0000-c000-000000000046"),
            "f20da720-c02f-11ce-927b-0800095ae340",
        ),
    }.items()
    for number in numbers
}
_LINK = 0x01  # OLEStream.Flags (MS-OLEDS, 2.3.3)
_LINK_BYTES = 64 * 1024


def check_ole(file: BinaryIO) -> None:
    """Refuse packed programs, macros and links. Raises: Refusal."""
    file.seek(0)
    data = file.read().upper()
    for name, detail in _NAMES.items():
        if name in data:
            _active(detail)
    compound = read_ole(file)
    for class_id, detail in _CLASSES.items():
        if class_id in compound.classes:
            _active(detail)
    for entry in compound.entries:
        if check := _CHECKS.get(entry.name.upper()):
            check(compound.read(entry, entry.size))


def _active(detail: str) -> NoReturn:
    raise Refusal("active-content", detail)


def _check_link(data: bytes) -> None:
    """The stream that says whether an object is here, or where it is to be fetched from."""
    flags = int.from_bytes(data[4:8], "little")
    monikers = data[:_LINK_BYTES]
    if flags & _LINK or any(class_id in monikers for class_id in _CLASSES):
        _active("ole: a link to what lies elsewhere")


_CHECKS: dict[str, Callable[[bytes], None]] = {
    "\x01OLE": _check_link,
    **dict.fromkeys(STREAMS, check_biff),
}
