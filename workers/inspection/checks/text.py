"""RTF: text that can carry objects. And SVG: XML that must not unfold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection.checks.xmlparts import read_xml

_CHUNK_BYTES = 1024 * 1024
_OVERLAP_BYTES = 64
_RTF_WORDS = re.compile(
    rb"\\\\|(\\(?:object|objdata|objocx|objemb|objlink|objautlink|objupdate|objclass|template)"
    rb"(?![a-zA-Z]))|(\b(?:DDEAUTO|DDE)\s)",
)


def check_rtf(file: BinaryIO, _: str, __: Limits) -> None:
    """Refuse embedded objects and remote templates (RTF 1.9.1, "Objects"). Raises: Refusal."""
    file.seek(0)
    for window in _windows(file):
        for found in _RTF_WORDS.finditer(window):
            if found[1] or found[2]:
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
    """Yield the file in pieces that overlap, so that no word hides on a border."""
    kept = b""
    for chunk in _chunks(file):
        yield kept + chunk
        kept = chunk[-_OVERLAP_BYTES:]
