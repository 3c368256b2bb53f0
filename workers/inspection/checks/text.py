"""SVG: XML that must not unfold."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal
from workers.inspection.checks.xmlparts import read_xml

_CHUNK_BYTES = 1024 * 1024


def check_svg(file: BinaryIO, _: str, limits: Limits) -> None:
    """Refuse XML that is no SVG or has entities. What it would do when shown, nobody shows.

    Raises: Refusal.
    """
    budget = Budget(limits)
    budget.begin(file.seek(0, io.SEEK_END))
    file.seek(0)
    seen: list[str] = []

    def start(element: str, _: Mapping[str, str]) -> None:
        if not seen:
            seen.append(element)

    read_xml(_chunks(file), start, budget=budget, doctype=lambda *_: True)
    if seen != ["svg"]:
        raise Refusal("type-mismatch", "svg: another kind of XML", "text/xml")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
