"""Office Open XML (ECMA-376): the right main part, and nothing in it that acts by itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal
from uploads.documents.readers.packages import OOXML, check_names
from uploads.documents.readers.ziptable import Entry, read_table
from workers.inspection.checks.office_parts import active, check_part, check_relationships
from workers.inspection.checks.xmlparts import read_xml
from workers.inspection.walk import read_entry

PREFIX = OOXML
_TYPES = "[content_types].xml"
_FAMILY = re.compile(r"officedocument|vnd\.ms-(?:word|excel|powerpoint|visio|office)")
_XML_HEADS = (b"<?xml", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0?\0", b"\0<\0?")
_SOURCE = re.compile(rb"""\bSRC\s*=\s*(?:["']\s*)?(?:[A-Z][A-Z0-9+.-]*:|//|\\\\)""")


def check_office(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check a DOCX, XLSX or PPTX. Raises: Refusal."""
    budget = Budget(limits)
    entries = read_table(file, budget)
    types = _types_of(file, entries, budget)
    if types is None:
        raise Refusal("type-mismatch", "office: no content types", "application/zip")
    if not types & _main_types(media_type):
        raise Refusal("type-mismatch", "office: another kind of document")
    _check_parts(file, entries, budget)


def check_inner_office(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> None:
    """Check a package inside of another file where it is an Office document. Raises: Refusal."""
    types = _types_of(file, entries, budget)
    if types is None or not any(map(_FAMILY.search, types)):
        return
    check_names([entry.name for entry in entries], PREFIX)
    _check_parts(file, entries, budget)


def _types_of(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> set[str] | None:
    """All content types; None without a part that lists them. Raises: Refusal."""
    parts = [entry for entry in entries if entry.name.lower() == _TYPES]
    found: set[str] = set()
    for part in parts:
        found |= _check_types(read_entry(file, part, budget))
    return found if parts else None


def _check_types(chunks: Iterator[bytes]) -> set[str]:
    """The main part's content type decides what the file is (ECMA-376 part 2, 10.1.2)."""
    found: set[str] = set()

    def start(_: str, attributes: Mapping[str, str]) -> None:
        found.add(attributes.get("ContentType", "").strip().lower())

    read_xml(chunks, start)
    if any("macroenabled" in each or "vbaproject" in each or "activex" in each for each in found):
        active("macros or controls")
    return found


def _main_types(media_type: str) -> set[str]:
    """Return the content types of the main part that fit, e.g. `….document.main+xml`."""
    names = {
        media_type,
        media_type.replace(".presentationml.presentation", ".presentationml.slideshow"),
    }
    return {f"{name}.main+xml" for name in names}


def _check_parts(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> None:
    for entry in entries:
        if entry.name.lower() != _TYPES and not entry.is_folder:
            _check_part(entry.name.lower(), read_entry(file, entry, budget))


def _check_part(name: str, chunks: Iterator[bytes]) -> None:
    """What is packed in other files, is theirs: whoever walks through them looks at it."""
    first = next(chunks, b"")
    whole = itertools.chain([first], chunks)
    if name.endswith(".rels"):
        check_relationships(whole)
    elif not name.endswith(".vml") and (name.endswith(".xml") or first.startswith(_XML_HEADS)):
        check_part(whole)
    elif first.lstrip()[:1] == b"<":
        _check_markup(whole)
    else:
        for _ in whole:
            pass


def _check_markup(chunks: Iterator[bytes]) -> None:
    """Drawings in VML are seldom well formed; a part of any other name may be, and is then read."""
    data = b"".join(chunks)
    plain = data.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise Refusal("malformed-file", "XML with a document type or entities")
    if _SOURCE.search(plain):
        active("a picture from elsewhere")
    try:
        check_part([data])
    except Refusal as refusal:
        if refusal.reason != "malformed-file":
            raise
