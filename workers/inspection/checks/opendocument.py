"""OpenDocument packages (OASIS ODF 1.3, part 2): encryption, scripts. Readers saw to the type."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal
from uploads.documents.readers.packages import ODF
from uploads.documents.readers.ziptable import read_table
from workers.inspection.checks.xmlparts import read_xml
from workers.inspection.walk import read_entry

PREFIX = ODF


def check_opendocument(file: BinaryIO, _: str, limits: Limits) -> None:
    """Check an ODT, ODS or ODP. Raises: Refusal."""
    budget = Budget(limits)
    entries = read_table(file, budget)
    for entry in entries:
        if not entry.is_folder:
            _check_part(entry.name, read_entry(file, entry, budget))


def _check_part(name: str, chunks: Iterator[bytes]) -> None:
    head = next(chunks, b"")
    whole = itertools.chain([head], chunks)
    if name.endswith((".xml", ".rdf")) or head.startswith(b"<?xml"):
        read_xml(whole, _check_element)
    else:
        for _ in whole:
            pass


def _check_element(element: str, attributes: Mapping[str, str]) -> None:
    if element == "encryption-data":
        raise Refusal("encrypted", "opendocument: encrypted parts")
    link = attributes.get("href", "").strip().lower()
    if element in ("event-listener", "script") or link.startswith("vnd.sun.star.script:"):
        raise Refusal("active-content", "opendocument: a script")
