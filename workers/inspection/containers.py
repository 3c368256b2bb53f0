"""Which types have something packed in them, and how: what our walk opens, and nothing else.

Without the libraries that open them, for the worker asks as well.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from uploads.documents.readers.packages import is_package

ZIP, PDF, RTF = "zip", "pdf", "rtf"
_OTHERS = {
    "application/pdf": PDF,
    "application/rtf": RTF,
    "image/png": "png",
    "audio/mpeg": "id3",
}


_MARKS = {"image/png": (b"zTXt", b"iTXt", b"iCCP"), "audio/mpeg": (b"ID3",)}


def container_of(media_type: str) -> str | None:
    """How files of our type `media_type` are packed; None where nothing is in them."""
    if is_package(media_type):
        return ZIP
    return _OTHERS.get(media_type)


def may_hold(media_type: str, path: Path) -> bool:
    """Whether something may be packed in this file: for who asks elsewhere at some cost."""
    marks = _MARKS.get(media_type)
    if marks is None:
        return container_of(media_type) is not None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(mark) >= 0 for mark in marks)
