"""RTF: text that can carry objects. And SVG: XML that must not unfold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection.checks.xmlparts import read_xml

_CHUNK_BYTES = 1024 * 1024
_OVERLAP_BYTES = 64
_OBJECT = (
    rb"\\(?:object|objdata|objocx|objemb|objlink|objautlink|objupdate|objclass|template)"
    rb"(?![a-zA-Z])"
)
_RTF_WORDS = re.compile(rb"\\\\|(" + _OBJECT + rb")|(\b(?:DDEAUTO|DDE)\s)")
_RTF_BINARY, _RTF_OBJECT = re.compile(rb"\\bin-?\d"), re.compile(_OBJECT)


def check_rtf(file: BinaryIO, _: str, __: Limits) -> None:
    """Refuse embedded objects and remote templates (RTF 1.9.1, "Objects"). Raises: Refusal.

    After `\\bin` comes what is no RTF, and may end in the middle of what looks like an escaped
    backslash: where that word is, these words count wherever they stand.
    """
    file.seek(0)
    binary = words = False
    for window in _windows(file):
        binary = binary or _RTF_BINARY.search(window) is not None
        words = words or _RTF_OBJECT.search(window) is not None
        if (binary and words) or any(found[1] or found[2] for found in _RTF_WORDS.finditer(window)):
            raise Refusal("active-content", "rtf: an object, a template or a DDE field")


def check_svg(file: BinaryIO, _: str, __: Limits) -> None:
    """Refuse XML that is no SVG or has entities. What it would do when shown, nobody shows.

    Raises: Refusal.
    """
    file.seek(0)
    seen: list[str] = []

    def start(element: str, _: Mapping[str, str]) -> None:
        if not seen:
            seen.append(element)

    read_xml(_chunks(file), start, doctype=True)
    if seen != ["svg"]:
        raise Refusal("type-mismatch", "svg: another kind of XML", "text/xml")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _windows(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in pieces that overlap, so that no word hides on a border.

    None begins in the middle of two backslashes that are one.
    """
    window = b""
    for chunk in _chunks(file):
        before = window[:-_OVERLAP_BYTES]
        backslashes = len(before) - len(before.rstrip(b"\\"))
        window = window[len(before) - backslashes % 2 :] + chunk
        yield window
