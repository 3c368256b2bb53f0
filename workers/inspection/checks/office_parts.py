"""One XML part of an Office document (ECMA-376): what in it acts, loads or starts by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.checks import fields, formulas
from workers.inspection.checks.addresses import leads_outside
from workers.inspection.checks.relations import Nearby, active
from workers.inspection.checks.xmlparts import OnStart, read_xml

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
_HOVERED = frozenset({"hlinkHover", "hlinkMouseOver"})
_EXTENSIONS = frozenset({"webextensionref", "taskpane", "property"})
_REFRESHING = frozenset({"connection", "queryTable", "cacheSource", "oleObject"})
_TRUE = frozenset({"1", "true", "on"})
_RESULT_LETTERS = 256


def check_part(chunks: Iterable[bytes], budget: Budget, nearby: Nearby | None = None) -> None:
    """Check an XML part, of which something may lead to the reader's own disk. Raises: Refusal."""
    part = _Part(budget, nearby)
    read_xml(chunks, part.start, part.text, end=part.end, budget=budget)
    part.finish()


class _Part:
    def __init__(self, budget: Budget, nearby: Nearby | None) -> None:
        self._budget = budget
        self._nearby = nearby
        self._instructions = _Instructions(budget)
        self._formula: list[str] | None = None
        self._write: Callable[[str], None] | None = None
        self._root: str | None = None
        self._refreshes = False
        # Of formulas that have elements in them: how deep within each we are.
        self._around: list[int] = []
        self._checks = self._by_element()

    def _by_element(self) -> dict[str, OnStart]:
        """Most elements of most documents have no check: that is found by one look."""
        return {
            **dict.fromkeys(_FORMULAS, self._begin_formula),
            **dict.fromkeys(_ACTIVE, _refuse),
            **dict.fromkeys(_PICTURES, _check_picture),
            **dict.fromkeys(_HOVERED, _check_hovered),
            **dict.fromkeys(_EXTENSIONS, self._check_extension),
            **dict.fromkeys(_REFRESHING, self._check_refreshing),
            "instrText": self._begin_instruction,
            "delInstrText": self._begin_instruction,
            "t": self._begin_text,
            "fldChar": self._change_field,
            "fldSimple": self._simple_field,
            "cmd": _check_command,
        }

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        if self._root is None:
            self._root = element
            self._refreshes = _is_true(attributes, "refreshOnLoad")
        if self._nearby is not None:
            self._nearby.check(self._root, element, attributes)
        if self._formula is not None or self._write == self._instructions.write:
            self._check_within()
        if self._around:
            self._around[-1] += 1
        self._formula = self._write = None
        if (check := self._checks.get(element)) is not None:
            check(element, attributes)
        if "action" in attributes:
            _check_action(attributes)
        if self._root == "customUI":
            _check_ribbon(attributes)

    def text(self, text: str) -> None:
        if self._formula is not None:
            self._formula.append(text)
        elif self._around and not self._around[-1] and text.strip():
            _mixed()
        elif self._write is not None:
            self._write(text)

    def end(self, element: str) -> None:
        formula = self._formula
        if formula is not None and formulas.is_active("".join(formula), self._budget):
            active("a formula that reaches out")
        self._formula = self._write = None
        if self._around:
            self._leave()

    def finish(self) -> None:
        self._instructions.finish()

    def _check_within(self) -> None:
        """An element in a formula or an instruction has no text beside it, which programs would put
        together around what they pass over (part 3, 7.2). Fractions are elements alone.
        """
        if self._formula is None or "".join(self._formula).strip():
            _mixed()
        self._around.append(0)

    def _leave(self) -> None:
        if not self._around[-1]:
            self._around.pop()
        if self._around:
            self._around[-1] -= 1

    def _begin_formula(self, _: str, __: Mapping[str, str]) -> None:
        self._formula = []

    def _begin_instruction(self, _: str, __: Mapping[str, str]) -> None:
        self._write = self._instructions.write

    def _begin_text(self, _: str, __: Mapping[str, str]) -> None:
        self._write = self._instructions.show

    def _change_field(self, _: str, attributes: Mapping[str, str]) -> None:
        self._instructions.change(attributes.get("fldCharType", ""))

    def _simple_field(self, _: str, attributes: Mapping[str, str]) -> None:
        self._instructions.simple(attributes.get("instr", ""))

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


def _mixed() -> NoReturn:
    raise Refusal("malformed-file", "office: elements in a formula or a field")


def _is_true(attributes: Mapping[str, str], name: str) -> bool:
    return attributes.get(name, "").strip().lower() in _TRUE


def _refuse(element: str, _: Mapping[str, str]) -> None:
    active(_ACTIVE[element])


def _check_picture(_: str, attributes: Mapping[str, str]) -> None:
    """Drawings in VML may name a picture by its address."""
    named = (attributes.get(name, "") for name in ("src", "althref", "href"))
    if any(map(leads_outside, named)):
        active("a picture from elsewhere")


def _check_hovered(_: str, attributes: Mapping[str, str]) -> None:
    """What PowerPoint does by the pointer alone (21.1.2.3.6)."""
    if attributes.get("id") and not _action(attributes).startswith("ppaction://hlinks"):
        active("a link that needs no click")


def _check_command(_: str, attributes: Mapping[str, str]) -> None:
    """What it does by itself (19.5.17)."""
    if attributes.get("type", "").strip() == "verb":
        active("an object that starts by itself")


def _check_action(attributes: Mapping[str, str]) -> None:
    """What PowerPoint does by a click (21.1.2.3.5)."""
    if _action(attributes).startswith(("ppaction://program", "ppaction://macro")):
        active("an action that starts a program")


def _action(attributes: Mapping[str, str]) -> str:
    return attributes.get("action", "").strip().lower()


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

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
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
        self._judge_text(instruction)
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
        self._judge_text("".join(self._all))

    def _close(self) -> None:
        done = self._open.pop()
        self._judge(done)
        result = "".join(done.result)[:_RESULT_LETTERS]
        around = self._open[-1]
        seen = fields.shown("".join(done.shown), result)[:_RESULT_LETTERS]
        (around.result if around.separated else around.shown).append(seen)

    def _judge(self, done: _Field) -> None:
        for instruction in {"".join(done.own), "".join(done.shown)}:
            self._judge_text(instruction)

    def _judge_text(self, instruction: str) -> None:
        if fields.is_active(instruction, self._budget):
            active("a field that reaches for a program or a file")
