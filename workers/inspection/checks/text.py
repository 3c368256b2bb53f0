"""Text: no binary under a text's name. And RTF: text that can carry objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.inspection.limits import Limits, Refusal

TYPES = frozenset({"text/plain", "text/csv", "text/markdown"})
_CHUNK_BYTES = 1024 * 1024
_OVERLAP_BYTES = 64
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_RTF_WORDS = re.compile(
    rb"\\\\|(\\(?:object|objdata|objocx|objemb|objlink|objautlink|objupdate|objclass|template)"
    rb"(?![a-zA-Z]))|(\b(?:DDEAUTO|DDE)\s)",
)


def check_text(file: BinaryIO, _: str, __: Limits) -> None:
    """Refuse NUL bytes unless the text says by its first bytes that it is wide. Raises: Refusal."""
    file.seek(0)
    if file.read(4).startswith(_WIDE_MARKS):
        return
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        if b"\0" in chunk:
            raise Refusal("malformed-file", "text: binary data")


def check_rtf(file: BinaryIO, _: str, __: Limits) -> None:
    """Refuse embedded objects and remote templates (RTF 1.9.1, "Objects"). Raises: Refusal."""
    file.seek(0)
    if file.read(5) != b"{\\rtf":
        raise Refusal("malformed-file", "rtf: no RTF")
    for window in _windows(file):
        for found in _RTF_WORDS.finditer(window):
            if found[1] or found[2]:
                raise Refusal("active-content", "rtf: an object, a template or a DDE field")


def _windows(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in pieces that overlap, so that no word hides on a border."""
    kept = b""
    while chunk := file.read(_CHUNK_BYTES):
        yield kept + chunk
        kept = chunk[-_OVERLAP_BYTES:]
