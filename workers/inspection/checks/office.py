"""Office Open XML (ECMA-376): the right main part, and nothing in it that acts by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Budget, Limits, Refusal
from uploads.documents.readers.packages import OLE, OOXML
from uploads.documents.readers.ziptable import read_table
from workers.inspection.checks.fields import is_active
from workers.inspection.checks.xmlparts import read_xml
from workers.inspection.walk import read_entry

PREFIX = OOXML
_OLE_PROGRAM = "\x01Ole10Native".encode("utf-16-le")
_XML_HEADS = (b"<?xml", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0?\0", b"\0<\0?")


def check_office(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check a DOCX, XLSX or PPTX. Raises: Refusal."""
    budget = Budget(limits)
    entries = {entry.name.lower(): entry for entry in read_table(file, budget)}
    types = entries.get("[content_types].xml")
    if types is None:
        raise Refusal("type-mismatch", "office: no content types", "application/zip")
    _check_types(read_entry(file, types, budget), media_type)
    for name, entry in entries.items():
        if entry is not types and not entry.is_folder:
            _check_part(name, read_entry(file, entry, budget))


def _active(detail: str) -> NoReturn:
    raise Refusal("active-content", f"office: {detail}")


def _check_types(chunks: Iterator[bytes], media_type: str) -> None:
    """The main part's content type decides what the file is (ECMA-376 part 2, 10.1.2)."""
    found: set[str] = set()

    def start(_: str, attributes: Mapping[str, str]) -> None:
        found.add(attributes.get("ContentType", "").strip().lower())

    read_xml(chunks, start)
    if any("macroenabled" in each or "vbaproject" in each or "activex" in each for each in found):
        _active("macros or controls")
    if not found & _main_types(media_type):
        raise Refusal("type-mismatch", "office: another kind of document")


def _main_types(media_type: str) -> set[str]:
    """Return the content types of the main part that fit, e.g. `….document.main+xml`."""
    names = {
        media_type,
        media_type.replace(".presentationml.presentation", ".presentationml.slideshow"),
    }
    return {f"{name}.main+xml" for name in names}


def _check_part(name: str, chunks: Iterator[bytes]) -> None:
    first = next(chunks, b"")
    whole = itertools.chain([first], chunks)
    if name.endswith(".rels"):
        read_xml(whole, _check_relationship)
    elif name.startswith("word/") and name.endswith(".xml"):
        _check_fields(whole)
    elif not name.endswith(".vml") and (name.endswith(".xml") or first.startswith(_XML_HEADS)):
        read_xml(whole, _check_link)
    elif first.lstrip()[:1] == b"<":
        # VML drawings are seldom well formed, and only read for what they must not declare.
        _check_markup(whole)
    elif first.startswith(OLE):
        _check_ole(whole)
    else:
        for _ in whole:
            pass


def _check_relationship(element: str, attributes: Mapping[str, str]) -> None:
    if element != "Relationship":
        return
    kind = attributes.get("Type", "").lower()
    external = attributes.get("TargetMode", "").strip().lower() == "external"
    if external and not kind.endswith("/hyperlink"):
        _active("an external relationship")
    if kind.endswith(("/vbaproject", "/control", "/activexcontrolbinary", "/xlmacrosheet")):
        _active("macros or controls")


def _check_link(element: str, _: Mapping[str, str]) -> None:
    if element in ("ddeLink", "ddeItem"):
        _active("a DDE link")


@dataclass(slots=True)
class _Fields:
    """Collects field instructions of one part: Word may split one over many runs."""

    instructions: list[str] = field(default_factory=list)
    inside: bool = False

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        self.inside = element == "instrText"
        if element == "fldSimple":
            self.instructions += [" ", attributes.get("instr", ""), " "]
        elif element == "fldChar":
            self.instructions.append(" ")

    def text(self, text: str) -> None:
        if self.inside and not text.isspace():
            self.instructions.append(text)


def _check_fields(chunks: Iterator[bytes]) -> None:
    fields = _Fields()
    read_xml(chunks, fields.start, fields.text)
    if is_active("".join(fields.instructions)):
        _active("a DDE field")


def _check_markup(chunks: Iterator[bytes]) -> None:
    data = b"".join(chunks).replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Refusal("malformed-file", "XML with a document type or entities")


def _check_ole(chunks: Iterator[bytes]) -> None:
    if _OLE_PROGRAM in b"".join(chunks):
        _active("a packed program")
