"""Relationships of an Office document's parts (ECMA-376 part 2, 9.3): what may lie outside of it.

A template, the workbook behind a link and the one behind a chart may be on the reader's own disk:
programs note where they found them. Each by an element of its own, in a part of its own kind, for
programs follow a relationship by its name, whatever it calls itself.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn
from urllib.parse import unquote

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.checks.addresses import leads_outside, may_be_followed
from workers.inspection.checks.own_disk import is_on_own_disk
from workers.inspection.checks.xmlparts import read_xml

_BOOK = ("externalLink", "externalBook")
_KNOWN_PLACES = ("xlpathmissing", "xlstartup", "xlalternatestartup", "xllibrary")
# By the end of a relationship's type: what the part begins with, and what in it may name one.
_NEARBY = {
    "/attachedtemplate": ("settings", "attachedTemplate"),
    "/externallinkpath": _BOOK,
    # In folders of Excel's own, or in one that it does not know (MS-XLSB, 2.1.10.1).
    **{f"/xlexternallinkpath/{each}": _BOOK for each in _KNOWN_PLACES},
    # A chart with the data of a workbook. Followed by anything else it links an object.
    "/oleobject": ("chartSpace", "externalData"),
}
_MACROS = ("/vbaproject", "/control", "/activexcontrolbinary", "/xlmacrosheet")


def active(detail: str) -> NoReturn:
    raise Refusal("active-content", f"office: {detail}")


def part_name(text: str) -> str:
    """The name of a part as programs compare it."""
    return unquote(text).lower().lstrip("/")


@dataclass(slots=True)
class Nearby:
    """What of one part leads to the reader's own disk, and which element of which root for it."""

    _by_id: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, name: str, place: tuple[str, str]) -> None:
        if self._by_id.setdefault(_id(name), place) != place:
            active("an external relationship")

    def check(self, root: str, element: str, attributes: Mapping[str, str]) -> None:
        """Raises: Refusal where this element of the part may not name what it does."""
        for value in attributes.values():
            if self._by_id.get(_id(value), (root, element)) != (root, element):
                active("an external relationship")


class Relations:
    """What the parts of a package are related to; to be read before them."""

    def __init__(self) -> None:
        self._nearby: defaultdict[str, Nearby] = defaultdict(Nearby)
        self._asked: set[str] = set()

    def read(self, name: str, chunks: Iterable[bytes], budget: Budget) -> None:
        """Read the relationships in the part of that name. Raises: Refusal."""
        note = partial(self._note, _source_of(name))
        read_xml(chunks, note, budget=budget)

    def of(self, name: str) -> Nearby | None:
        """What of a part leads to the reader's own disk; None for most."""
        part = part_name(name)
        self._asked.add(part)
        return self._nearby.get(part)

    def finish(self) -> None:
        """Raises: Refusal where something leads there from a part that nobody has read."""
        if not self._asked.issuperset(self._nearby):
            active("an external relationship")

    def _note(self, source: str, element: str, attributes: Mapping[str, str]) -> None:
        if "base" in attributes:
            active("relationships that count from elsewhere")
        if element != "Relationship":
            return
        kind = attributes.get("Type", "").strip().lower()
        target = attributes.get("Target", "")
        external = attributes.get("TargetMode", "").strip().lower() == "external"
        if kind.endswith("/hyperlink"):
            if not may_be_followed(target):
                active("a link to something else than the web")
        elif external or leads_outside(target):
            place = next((place for end, place in _NEARBY.items() if kind.endswith(end)), None)
            if place is None or not is_on_own_disk(target):
                active("an external relationship")
            self._nearby[source].add(attributes.get("Id", ""), place)
        if kind.endswith(_MACROS):
            active("macros or controls")
        if kind.endswith("/afchunk"):
            active("another document as a part of it")


def _id(text: str) -> str:
    """An id as the most careless program compares it."""
    return text.strip().lower()


def _source_of(name: str) -> str:
    """The part whose relationships these are; of those in another place no part's."""
    folder, own = posixpath.split(part_name(name))
    above, last = posixpath.split(folder)
    return posixpath.join(above, own.removesuffix(".rels")) if last == "_rels" else ""
