"""Tables as text (CSV): cells that a spreadsheet would compute, and that start or fetch something.

Spreadsheets differ in what parts two cells, and take a cell for a formula whose first letter is one
of four signs. So a line counts, not a cell: whether a formula begins in it, by any of the usual
marks, before what calls another program. Ordinary formulas are no harm, and negative numbers none.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Budget, Limits, Refusal

_CHUNK_BYTES = 1024 * 1024
_FORMULA_LETTERS = 8192
"""Excel's longest formula."""
_LOOKED_AT_CLOCK = 4096
# DDE is `program|'topic'!item` (ECMA-376 part 1, 18.17.2.3); without quotes a topic has no spaces.
_OPEN, _CLOSE = r"\|\s{0,99}'", r"'\s{0,99}!"
_BARE = r"\|\s{0,99}[\w.\\:/?-]{1,255}![\w'\"$]"
_FETCH = r"\b(?:WEBSERVICE|RTD|DDE|IMAGE)\s{0,99}\(\s{0,99}[\"'A-Z$&(]"
_NUMBER = r"\s*[\d.,]*\d[\d.,eE%]*\s*\"?\s*(?:[,;\t|]|$)"
_TOKENS = re.compile(
    rf"(?P<begin>(?:^|[,;\t|\"])[\s\"]{{0,99}}(?:[=@]|[+-](?!{_NUMBER})))|(?P<bare>{_BARE})|"
    rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})|(?P<fetch>{_FETCH})|(?P<quote>\")|(?P<line>[\r\n]+)",
    re.MULTILINE | re.IGNORECASE,
)
_ANY_CALL = re.compile(rf"{_BARE}|{_CLOSE}", re.IGNORECASE)
_ANY_FETCH = re.compile(_FETCH, re.IGNORECASE)
_WORDS = ("WEBSERVICE", "RTD", "DDE", "IMAGE")
_SEPARATED = re.compile(r"[\s,;|\"]")
# SYLK, which Excel knows by its first letters under any name: an option says that it is a sheet of
# macros, and a name may run one.
_SYLK = "ID;P"
_SYLK_MACROS = re.compile(r"^(?:O;(?:[^\r\n;]{0,99};){0,9}E[;\r\n]|NN;N_?AUTO_)", re.M | re.I)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def check_table(file: BinaryIO, _: str, limits: Limits) -> None:
    """Refuse cells that call another program or fetch something. Raises: Refusal."""
    budget = Budget(limits)
    before, is_sylk = "", False
    for text in _texts(file):
        budget.check_time()
        window = before + text
        is_sylk = is_sylk or (not before and window.startswith(_SYLK))
        if is_sylk and _SYLK_MACROS.search(window):
            _active()
        if _may_reach_out(window):
            _Reading(window, budget).run()
        before = window[-2 * _FORMULA_LETTERS :]


def _texts(file: BinaryIO) -> Iterator[str]:
    """Letters, as the mark at the beginning says; without one only those of ASCII count."""
    file.seek(0)
    head = file.read(4)
    encoding = next((each for mark, each in _MARKS if head.startswith(mark)), "latin-1")
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        yield decoder.decode(chunk)


def _may_reach_out(window: str) -> bool:
    """The same at little cost: nearly no honest table has any of it."""
    if "|" in window and "!" in window and _ANY_CALL.search(window):
        return True
    upper = window.upper()
    return any(word in upper for word in _WORDS) and _ANY_FETCH.search(window) is not None


class _Reading:
    """One pass over what matters in a window: where a formula begins, and what it would do."""

    def __init__(self, window: str, budget: Budget) -> None:
        self._window = window
        self._budget = budget
        self._begun: int | None = None
        self._sign = ""
        self._quoted = self._named = False

    def run(self) -> None:
        """Raises: Refusal."""
        for count, found in enumerate(_TOKENS.finditer(self._window)):
            if not count % _LOOKED_AT_CLOCK:
                self._budget.check_time()
            kind = found.lastgroup
            if kind == "begin":
                self._begin(found)
            elif self._begun is None:
                continue
            elif self._reaches_out(kind, found.start()):
                _active()
            elif kind == "open":
                self._named = True
            elif kind == "quote":
                self._quoted = not self._quoted
            elif kind == "line":
                self._end_line(found.end())

    def _reaches_out(self, kind: str | None, at: int) -> bool:
        if kind == "fetch":
            return self._is_computed(at)
        return kind == "bare" or (kind == "close" and self._named)

    def _begin(self, found: re.Match[str]) -> None:
        """The first formula of a line stays the one, but for a new one behind very much text."""
        if "\n" in found[0] or "\r" in found[0]:
            self._end_line(found.end())
        if found[0].count('"') % 2:
            self._quoted = not self._quoted
        if self._begun is None:
            self._quoted, self._named = found[0].count('"') % 2 == 1, False
        if self._begun is None or (found[0][-1] == "=" and self._sign != "="):
            self._begun, self._sign = found.end(), found[0][-1]

    def _end_line(self, at: int) -> None:
        """Within quotes a formula goes on."""
        if self._begun is not None and (not self._quoted or at - self._begun > _FORMULA_LETTERS):
            self._begun, self._quoted = None, False

    def _is_computed(self, at: int) -> bool:
        """Signs but one may begin a sentence."""
        assert self._begun is not None
        if self._sign == "=":
            return True
        return _SEPARATED.search(self._window[max(self._begun, at - _FORMULA_LETTERS) : at]) is None


def _active() -> NoReturn:
    raise Refusal("active-content", "table: a formula that reaches out")
