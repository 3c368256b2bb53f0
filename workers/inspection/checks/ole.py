"""OLE compound files (MS-CFB): packed programs and macros, by the names that they must have.

Names are looked for in all of the bytes, not by the directory: programs repair what is broken.
"""

from __future__ import annotations

from typing import BinaryIO

from uploads.documents.readers.limits import Refusal

# A packed file (MS-OLEDS, 2.3.6), and what every project of macros has (MS-OVBA, 2.2.1). Letters
# count whatever their size (MS-CFB, 2.6.4).
_NAMES = {
    "\x01OLE10NATIVE".encode("utf-16-le"): "ole: a packed program",
    "_VBA_PROJECT".encode("utf-16-le"): "ole: macros",
}


def check_ole(file: BinaryIO) -> None:
    """Refuse packed programs and macros. Raises: Refusal."""
    file.seek(0)
    data = file.read().upper()
    for name, detail in _NAMES.items():
        if name in data:
            raise Refusal("active-content", detail)
