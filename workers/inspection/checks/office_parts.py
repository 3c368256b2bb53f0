"""One XML part of an Office document (ECMA-376): what in it acts, loads or starts by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from workers.inspection.checks import fields, formulas
from workers.inspection.checks.addresses import leads_outside
from workers.inspection.checks.relations import Nearby, active
from workers.inspection.checks.xmlparts import read_xml

_INSTRUCTIONS = frozenset({"instrText", "delInstrText"})
_FORMULAS = frozenset(
    {"f", "formula", "formula1", "formula2", "definedName"}
    | {"calculatedColumnFormula", "totalsRowFormula"}
)
_ACTIVE = {
    "ddeLink": "a DDE link",
    "ddeItem": "a DDE link",
    "oleLink": "a link to another program",
    "altChunk": "another document as a part of it",
    "webPr": "a web query",
    "connectString": "a query of a database",
    "udl": "a query of a database",
}
_PICTURES = frozenset({"imagedata", "fill", "stroke", "image"})
_AUTO_SHOWN = "Office.AutoShowTaskpaneWithDocument"
_TRUE = frozenset({"1", "true", "on"})
_RESULT_LETTERS = 256


def check_part(chunks: Iterable[bytes], nearby: Nearby | None = None) -> None:
    """Check an XML part, of which something may lead to the reader's own disk. Raises: Refusal."""
    part = _Part(nearby)
    read_xml(chunks, part.start, part.text, end=part.end)
    part.finish()


class _Part:
    def __init__(self, nearby: Nearby | None) -> None:
        self._nearby = nearby
        self._instructions = _Instructions()
        self._formula: list[str] | None = None
        self._write: Callable[[str], None] | None = None
        self._root: str | None = None
        self._refreshes = False

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        if self._root is None:
            self._root = element
            self._refreshes = _is_true(attributes, "refreshOnLoad")
        if self._nearby is not None:
            self._nearby.check(self._root, element, attributes)
        self._formula = [] if element in _FORMULAS else None
        self._write = None
        if element in _INSTRUCTIONS:
            self._write = self._instructions.write
        elif element == "t":
            self._write = self._instructions.show
        elif element == "fldChar":
            self._instructions.change(attributes.get("fldCharType", ""))
        elif element == "fldSimple":
            self._instructions.simple(attributes.get("instr", ""))
        if element in _ACTIVE:
            active(_ACTIVE[element])
        self._check_extension(element, attributes)
        _check_picture(element, attributes)
        _check_action(element, attributes)
        self._check_refreshing(element, attributes)
        if self._root == "customUI":
            _check_ribbon(attributes)

    def text(self, text: str) -> None:
        if self._formula is not None:
            self._formula.append(text)
        elif self._write is not None:
            self._write(text)

    def end(self, element: str) -> None:
        if self._formula is not None and formulas.is_active("".join(self._formula)):
            active("a formula that reaches out")
        self._formula = self._write = None

    def finish(self) -> None:
        self._instructions.finish()

    def _check_extension(self, element: str, attributes: Mapping[str, str]) -> None:
        """Pages of the web within a document (MS-OWEXML, 2.2.4): shown with it, or hidden."""
        shown = element == "webextensionref" and self._root != "taskpanes"
        opened = element == "taskpane" and _is_true(attributes, "visibility")
        by_itself = element == "property" and attributes.get("name", "").strip() == _AUTO_SHOWN
        if shown or opened or (by_itself and _is_true(attributes, "value")):
            active("a page of the web as a part of it")

    def _check_refreshing(self, element: str, attributes: Mapping[str, str]) -> None:
        """Queries that run as soon as it is opened (18.13.1, 18.12.4, 18.10.1.67)."""
        if element in ("connection", "queryTable") and _is_true(attributes, "refreshOnLoad"):
            active("a connection that refreshes itself")
        if element == "connection" and attributes.get("interval", "0").strip() not in ("", "0"):
            active("a connection that refreshes itself")
        if element == "cacheSource" and self._refreshes and attributes.get("type") == "external":
            active("a connection that refreshes itself")
        if element == "oleObject" and attributes.get("link"):
            active("a link to another program")


def _is_true(attributes: Mapping[str, str], name: str) -> bool:
    return attributes.get(name, "").strip().lower() in _TRUE


def _check_picture(element: str, attributes: Mapping[str, str]) -> None:
    """Drawings in VML may name a picture by its address."""
    if element in _PICTURES:
        named = (attributes.get(name, "") for name in ("src", "althref", "href"))
        if any(map(leads_outside, named)):
            active("a picture from elsewhere")


def _check_action(element: str, attributes: Mapping[str, str]) -> None:
    """What PowerPoint does by a click, by the pointer alone or by itself (21.1.2.3.5)."""
    action = attributes.get("action", "").strip().lower()
    if action.startswith(("ppaction://program", "ppaction://macro")):
        active("an action that starts a program")
    hovered = element in ("hlinkHover", "hlinkMouseOver")
    if hovered and attributes.get("id") and not action.startswith("ppaction://hlinks"):
        active("a link that needs no click")
    if element == "cmd" and attributes.get("type", "").strip() == "verb":
        active("an object that starts by itself")


def _check_ribbon(attributes: Mapping[str, str]) -> None:
    """A ribbon's callbacks (MS-CUSTOMUI, 2.2): names of macros, wherever they are."""
    if any(name.startswith(("on", "get")) or name == "loadImage" for name in attributes):
        active("a ribbon that calls macros")


@dataclass(slots=True)
class _Field:
    """What was written of one field: its instruction alone, and with what fields in it show."""

    own: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    result: list[str] = field(default_factory=list)
    separated: bool = False


class _Instructions:
    """Puts the fields of a part together: Word may split one over many runs (17.16.18).

    Where the marks between them are not as they should be, all of them count as one.
    """

    def __init__(self) -> None:
        self._open = [_Field()]
        self._all: list[str] = []

    def write(self, text: str) -> None:
        self._all.append(text)
        self._open[-1].own.append(text)
        self._open[-1].shown.append(text)

    def show(self, text: str) -> None:
        top = self._open[-1]
        if top.separated and len(top.result) < _RESULT_LETTERS:
            top.result.append(text[:_RESULT_LETTERS])

    def simple(self, instruction: str) -> None:
        _judge(instruction)
        self._open[-1].shown.append(fields.shown(instruction, ""))

    def change(self, kind: str) -> None:
        self._all.append(" ")
        if kind == "begin":
            self._open.append(_Field())
        elif kind == "separate":
            self._open[-1].separated = True
        elif kind == "end" and len(self._open) > 1:
            self._close()

    def finish(self) -> None:
        while len(self._open) > 1:
            self._close()
        self._judge(self._open[0])
        _judge("".join(self._all))

    def _close(self) -> None:
        done = self._open.pop()
        self._judge(done)
        result = "".join(done.result)[:_RESULT_LETTERS]
        around = self._open[-1]
        seen = fields.shown("".join(done.shown), result)[:_RESULT_LETTERS]
        (around.result if around.separated else around.shown).append(seen)

    def _judge(self, done: _Field) -> None:
        for instruction in {"".join(done.own), "".join(done.shown)}:
            _judge(instruction)


def _judge(instruction: str) -> None:
    if fields.is_active(instruction):
        active("a field that reaches for a program or a file")
