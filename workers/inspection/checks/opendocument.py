"""OpenDocument packages (OASIS ODF 1.3, part 2): the stated type, encryption, scripts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from workers.inspection.checks.xmlparts import read_xml
from workers.inspection.limits import Budget, Limits, Refusal
from workers.inspection.walk import read_entry
from workers.inspection.ziptable import read_table

PREFIX = "application/vnd.oasis.opendocument."
_TYPE_BYTES = 200


def check_opendocument(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check an ODT, ODS or ODP. Raises: Refusal."""
    budget = Budget(limits)
    entries = read_table(file, budget)
    first = next((entry for entry in entries if entry.name == "mimetype"), None)
    if first is None or first.unpacked > _TYPE_BYTES:
        raise Refusal("type-mismatch", "opendocument: no stated type")
    if b"".join(read_entry(file, first, budget)).strip() != media_type.encode():
        raise Refusal("type-mismatch", "opendocument: another stated type")
    if any(entry.name.startswith(("Basic/", "Scripts/")) for entry in entries):
        raise Refusal("active-content", "opendocument: macros")
    for entry in entries:
        if entry is not first and not entry.is_folder:
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
