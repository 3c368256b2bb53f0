"""OpenDocument packages (OASIS ODF 1.3): encryption, scripts, and what is loaded from elsewhere.

Readers saw to the type.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO, NoReturn
from urllib.parse import unquote

from uploads.documents.readers.limits import Budget, Limits, Refusal, Steps
from uploads.documents.readers.packages import ODF, check_names
from uploads.documents.readers.ziptable import Entry, read_table
from workers.inspection.checks import formulas
from workers.inspection.checks.addresses import (
    leads_outside,
    leads_to_web,
    leaves_package,
    may_be_followed,
)
from workers.inspection.checks.xmlparts import Looks, looks_like, read_xml
from workers.inspection.walk import read_entry

PREFIX = ODF
_PARTS = frozenset({"content.xml", "styles.xml", "settings.xml", "meta.xml"})
_MANIFEST = "META-INF/manifest.xml"
_SIGNS = frozenset({"mimetype", _MANIFEST})
_NAMESPACE = b"urn:oasis:names:tc:opendocument"
_SCRIPTS = frozenset({"event-listener", "script", "execute-macro", "applet"})
_SCRIPT_ADDRESSES = ("vnd.sun.star.script:", "macro:")
# What a reader follows or sends.
_CLICKED = frozenset({"a", "form", "button", "hyperlink", "event-listener"})
_OWN_PATH = re.compile(r"file:///(?![/\\])", re.IGNORECASE)  # of the computer, without a host
_MACROS = frozenset({"language", "macro-name", "location"})
_PAGES_TURNED = frozenset(
    {"next-page", "previous-page", "first-page", "last-page", "last-visited-page", "show", "stop"}
)
_OBJECTS = frozenset({"object", "object-ole"})
# Of manifests and formulas by OpenOffice 2, which no program fetches: root, system id, public id.
_DOCTYPES = frozenset(
    {
        ("manifest:manifest", "Manifest.dtd", "-//OpenOffice.org//DTD Manifest 1.0//EN"),
        ("math:math", "math.dtd", "-//OpenOffice.org//DTD Modified W3C MathML 1.01//EN"),
    }
)


def check_opendocument(file: BinaryIO, _: str, limits: Limits) -> None:
    """Check an ODT, ODS or ODP. Raises: Refusal."""
    budget = Budget(limits, steps=Steps.of_packed(file.seek(0, io.SEEK_END)))
    _check_parts(file, read_table(file, budget), budget)


def check_inner_opendocument(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> None:
    """Check a package inside of another file where it is an OpenDocument. Raises: Refusal."""
    names = [entry.name for entry in entries]
    if _PARTS.isdisjoint(names) or _SIGNS.isdisjoint(names):
        return
    check_names(names, PREFIX)
    _check_parts(file, entries, budget)


def _check_parts(file: BinaryIO, entries: Sequence[Entry], budget: Budget) -> None:
    # The manifest first: what it says is encrypted is no damaged XML.
    for entry in sorted(entries, key=lambda entry: entry.name != _MANIFEST):
        if not entry.is_folder:
            _check_part(entry.name, read_entry(file, entry, budget), budget)


def _check_part(name: str, chunks: Iterator[bytes], budget: Budget) -> None:
    looks, head, whole = looks_like(chunks)
    if name.endswith((".xml", ".rdf")) or looks is Looks.XML or _NAMESPACE in head:
        part = _Part(name, budget)
        read_xml(whole, part.start, budget=budget, doctype=lambda *named: named in _DOCTYPES)
    else:
        for _ in whole:
            pass


def _active(detail: str) -> NoReturn:
    raise Refusal("active-content", f"opendocument: {detail}")


def _only_turns_pages(element: str, attributes: Mapping[str, str]) -> bool:
    """Whether a listener does no more than to go elsewhere in its presentation, or by a click to
    the web.
    """
    address, action = attributes.get("href", "#"), attributes.get("action")
    clicked = action == "show" and attributes.get("event-name") == "dom:click"
    goes = address.startswith("#") or (clicked and leads_to_web(address))
    listens = element == "event-listener" and action in _PAGES_TURNED
    return listens and goes and _MACROS.isdisjoint(attributes)


class _Part:
    def __init__(self, name: str, budget: Budget) -> None:
        self._leaves = partial(leaves_package, part=name)
        self._budget = budget
        self._before = ""

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        if element == "encryption-data":
            raise Refusal("encrypted", "opendocument: encrypted parts")
        if element in _SCRIPTS and not _only_turns_pages(element, attributes):
            _active("a script")
        if element.startswith("dde-"):
            _active("a DDE link")
        if element == "binary-data" and self._before in _OBJECTS:
            _active("an object in letters")
        if attributes:
            self._check_attributes(element, attributes)
        self._before = element

    def _check_attributes(self, element: str, attributes: Mapping[str, str]) -> None:
        for value in attributes.values():
            if ":" in value and value.strip().lower().startswith(_SCRIPT_ADDRESSES):
                _active("a script")
        if "formula" in attributes and formulas.is_active(attributes["formula"], self._budget):
            _active("a formula that reaches out")
        if "src" in attributes and leads_outside(attributes["src"]):
            _active("something that is loaded from elsewhere")
        if "href" in attributes:
            self._check_address(element, attributes["href"])

    def _check_address(self, element: str, address: str) -> None:
        """What waits for a click may lead to the web; all else must lie in the package."""
        if element in _CLICKED:
            if not may_be_followed(address):
                _active("a link to something else than the web")
        elif element == "template":
            # Where the document was begun: a path of that computer, which others do not have.
            if leads_outside(address) and not _OWN_PATH.match(unquote(address)):
                _active("a template from elsewhere")
        elif self._leaves(address) and (element, address) != ("chart", ".."):
            _active("something that is loaded from elsewhere")
