"""Office Open XML (ECMA-376): the right main part, and nothing in it that acts by itself."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal, Steps
from uploads.documents.readers.packages import OOXML, check_names
from uploads.documents.readers.ziptable import Entry, read_table
from workers.inspection.checks.office_parts import check_part
from workers.inspection.checks.relations import Nearby, Relations, active, part_name
from workers.inspection.checks.xmlparts import Looks, looks_like, read_xml
from workers.inspection.walk import read_entry

PREFIX = OOXML
_TYPES = "[content_types].xml"
_FAMILY = re.compile(r"officedocument|vnd\.ms-(?:word|excel|powerpoint|visio|office)")
# A part in pieces (ISO/IEC 29500-2, "Interleaving"): no writer that is known makes such, and what
# is in them would be read piece by piece, or not at all.
_PIECE = re.compile(r"/\[\d+\](?:\.last)?\.piece$", re.IGNORECASE)
_SOURCE = re.compile(rb"""\bSRC\s*=\s*(?:["']\s*)?(?:[A-Z][A-Z0-9+.-]*:|//|\\\\)""")


def check_office(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check a DOCX, XLSX or PPTX. Raises: Refusal."""
    budget = Budget(limits, steps=Steps.of_packed(file.seek(0, io.SEEK_END)))
    entries = read_table(file, budget)
    types = _types_of(file, entries, budget)
    if types is None:
        raise Refusal("type-mismatch", "office: no content types", "application/zip")
    if not types.said() & _main_types(media_type):
        raise Refusal("type-mismatch", "office: another kind of document")
    _check_parts(file, entries, budget, types)


def check_inner_office(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> None:
    """Check a package inside of another file where it is an Office document. Raises: Refusal."""
    types = _types_of(file, entries, budget)
    if types is None or not any(map(_FAMILY.search, types.said())):
        return
    check_names([entry.name for entry in entries], PREFIX)
    _check_parts(file, entries, budget, types)


class _Types:
    """What the parts of a package are said to be (ECMA-376 part 2, 10.1.2)."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._endings = {_ending(part_name(entry.name)) for entry in entries}
        # Strangers may say two things of one part.
        self._of_parts: defaultdict[str, set[str]] = defaultdict(set)
        self._of_endings: defaultdict[str, set[str]] = defaultdict(set)
        self._xml_parts: set[str] = set()
        self._xml_endings: set[str] = set()

    def read(self, chunks: Iterator[bytes], budget: Budget) -> None:
        """Raises: Refusal."""
        read_xml(chunks, self._note, budget=budget)
        for said in self.said():
            if "macroenabled" in said or "vbaproject" in said or "activex" in said:
                active("macros or controls")

    def said(self) -> set[str]:
        """All that is said of parts, and of endings that a part has: SheetJS names others too."""
        present = (said for ending, said in self._of_endings.items() if ending in self._endings)
        return set().union(*present, *self._of_parts.values())

    def is_xml(self, name: str) -> bool:
        """Whether the part of this name is said to be XML, whatever it begins with."""
        part = part_name(name)
        return part in self._xml_parts or _ending(part) in self._xml_endings

    def _note(self, element: str, attributes: Mapping[str, str]) -> None:
        said = attributes.get("ContentType", "").partition(";")[0].strip().lower()
        if element == "Default":
            named = attributes.get("Extension", "").strip().lower()
            said_of, xml = self._of_endings, self._xml_endings
        else:
            named = part_name(attributes.get("PartName", "").strip())
            said_of, xml = self._of_parts, self._xml_parts
        said_of[named].add(said)
        if said.endswith(("/xml", "+xml")):
            xml.add(named)


def _types_of(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> _Types | None:
    """What the parts are; None without a part that lists it. Raises: Refusal."""
    parts = [entry for entry in entries if entry.name.lower() == _TYPES]
    if len(parts) > 1:
        raise Refusal("malformed-file", "office: two lists of content types")
    types = _Types(entries)
    for part in parts:
        types.read(read_entry(file, part, budget), budget)
    return types if parts else None


def _ending(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[2]


def _main_types(media_type: str) -> set[str]:
    """Return the content types of the main part that fit, e.g. `….document.main+xml`."""
    names = {
        media_type,
        media_type.replace(".presentationml.presentation", ".presentationml.slideshow"),
    }
    return {f"{name}.main+xml" for name in names}


def _check_parts(file: BinaryIO, entries: Sequence[Entry], budget: Budget, types: _Types) -> None:
    relations, others = Relations(), []
    for entry in entries:
        if _PIECE.search(entry.name):
            raise Refusal("malformed-file", "office: a part in pieces")
        if entry.name.lower().endswith(".rels"):
            relations.read(entry.name, read_entry(file, entry, budget), budget)
        elif entry.name.lower() != _TYPES and not entry.is_folder:
            others.append(entry)
    for entry in others:
        is_xml = entry.name.lower().endswith(".xml") or types.is_xml(entry.name)
        _check_part(file, entry, budget, is_xml, relations.of(entry.name))
    relations.finish()


def _check_part(
    file: BinaryIO, entry: Entry, budget: Budget, is_xml: bool, nearby: Nearby | None
) -> None:
    """What is packed in other files, is theirs: whoever walks through them looks at it."""
    looks, _, whole = looks_like(read_entry(file, entry, budget))
    if is_xml or (looks is Looks.XML and not entry.name.lower().endswith(".vml")):
        check_part(whole, budget, nearby)
    elif nearby is not None:
        active("an external relationship")
    elif looks is not Looks.OTHER:
        _check_markup(whole, budget)
    else:
        for _ in whole:
            pass


def _check_markup(chunks: Iterator[bytes], budget: Budget) -> None:
    """Drawings in VML are seldom well formed; a part of any other name may be, and is then read."""
    data = b"".join(chunks)
    plain = data.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise Refusal("malformed-file", "XML with a document type or entities")
    if _SOURCE.search(plain):
        active("a picture from elsewhere")
    try:
        check_part([data], budget)
    except Refusal as refusal:
        if refusal.reason != "malformed-file":
            raise
