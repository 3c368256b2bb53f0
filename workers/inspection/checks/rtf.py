"""Rich text (RTF 1.9.1): objects, what is loaded from elsewhere, fields that reach for programs.

Programs read a sloppy RTF in different ways. So the words that carry objects count wherever any of
them would see one, and instructions of fields are read as they are meant: letters may be written as
numbers, stand in groups of their own, and have other words between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.checks.fields import is_active, shown

_CHUNK_BYTES = 1024 * 1024
_OVERLAP_BYTES = 128
_GAP = rb"[\0\r\n]{0,3}"
_NAMES = (
    *("object", "objdata", "objocx", "objemb", "objlink", "objautlink", "objhtml", "objupdate"),
    *("objclass", "template", "subdoc", "nextfile"),
)
_OBJECT = rb"\\(?:" + b"|".join(_GAP.join(bytes((x,)) for x in name.encode()) for name in _NAMES)
_OBJECT += rb")(?![a-zA-Z])"
_WORDS = re.compile(rb"\\\\|(" + _OBJECT + rb")", re.IGNORECASE)
_RAW_OBJECT, _RAW_DDE = re.compile(_OBJECT, re.IGNORECASE), re.compile(rb"\b(?:DDEAUTO|DDE)\s")
_FIELD = re.compile(_GAP.join(bytes((x,)) for x in b"fldinst"))
# After these a program may go on in the middle of what looks like an escaped backslash; after the
# first also in the middle of anything.
_ODD = re.compile(rb"(\\bin-?\d|\\'(?![0-9A-Fa-f]{2}))|\\u-?\d")
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([^\\{}]+)", re.DOTALL
)
# Where no field is, this can be passed over at once: so many words a time, because a repetition
# remembers each; a possessive one would not, but until Python 3.11.4 it takes what it must not.
_NOTHING = re.compile(
    rb"(?:[^\\{}]+|\\(?!(?:field|fldinst|fldrslt|bin|uc)(?![a-zA-Z]))[\s\S]){1,500}"
)
_SPACES = frozenset({b"par", b"line", b"tab", b"sect", b"page", b"cell", b"row", b"column"})
_LITERAL = {b"\\": "\\", b"{": "{", b"}": "}", b"~": " ", b"\r": " ", b"\n": " "}
_NO_TEXT = frozenset(
    rb"comment info title author pict nonshppict fonttbl colortbl stylesheet xe tc footnote "
    rb"annotation pntext pntxta pntxtb listtext objname objdata bkmkstart bkmkend formfield ffname "
    rb"header footer private filetbl revtbl upr ud datafield".split()
)
_INSTRUCTION_LETTERS = 64 * 1024
_RESULT_LETTERS = 4 * 1024
_COUNTED_AT_ONCE = 4096
_TOKENS_PER_STEP = 4


def check_rtf(file: BinaryIO, budget: Budget) -> None:
    """Refuse embedded objects, remote templates and DDE (RTF 1.9.1, "Objects", "Fields").

    Raises: Refusal.
    """
    odd = binary = objects = fields = dde = False
    for window in _windows(file):
        for found in _ODD.finditer(window) if not binary else ():
            odd, binary = True, binary or found[1] is not None
        objects = objects or _RAW_OBJECT.search(window) is not None
        fields = fields or _FIELD.search(window) is not None
        dde = dde or _RAW_DDE.search(window) is not None
        if any(found[1] for found in _WORDS.finditer(window)):
            _active()
    if (odd and objects) or (binary and fields and dde):
        _active()
    if fields:
        _check_fields(file, budget)


def _active() -> NoReturn:
    raise Refusal("active-content", "rtf: an object, a template or a DDE field")


def _windows(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in pieces that overlap, so that no word hides on a border.

    None begins in the middle of two backslashes that are one.
    """
    window = b""
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        before = window[:-_OVERLAP_BYTES]
        backslashes = len(before) - len(before.rstrip(b"\\"))
        window = window[len(before) - backslashes % 2 :] + chunk
        yield window


def _check_fields(file: BinaryIO, budget: Budget) -> None:
    file.seek(0)
    data = file.read().replace(b"\0", b"")
    budget.begin(len(data))
    _Reading(data, budget, skips=True).run()
    if b"\\bin" in data:
        _Reading(data, budget, skips=False).run()


@dataclass(slots=True)
class _Field:
    """What was written of one field: its instruction alone, and with what fields in it show."""

    own: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    all: list[str] = field(default_factory=list)
    result: list[str] = field(default_factory=list)
    letters: int = 0
    result_letters: int = 0


@dataclass(slots=True)
class _Group:
    """Where text goes: to `field`, whose instruction or result this is, or nowhere."""

    field: _Field | None = None
    to: str = ""
    fallback: int = 1
    owns: bool = False
    known: bool = True


class _Reading:
    """One pass over the tokens. `skips`: bytes behind `\\bin` are no RTF."""

    def __init__(self, data: bytes, budget: Budget, *, skips: bool) -> None:
        self._data = data
        self._budget = budget
        self._skips = skips
        self._group = _Group()
        self._outer: list[_Group] = []
        self._passed_over = 0
        self._at = 0

    def run(self) -> None:
        """Raises: Refusal for a field that is active."""
        count = 0
        while found := _TOKEN.match(self._data, self._pass_over()):
            self._at = found.end()
            count += 1
            if not count % _COUNTED_AT_ONCE:
                self._budget.look(_COUNTED_AT_ONCE // _TOKENS_PER_STEP)
            word, number, code, symbol, brace, text = found.groups()
            if text is not None:
                self._take(text.translate(None, b"\r\n").decode("latin-1"))
            elif word is not None:
                self._word(word, int(number) if number else None)
            elif code is not None:
                self._letter(chr(int(code, 16)))
            elif symbol is not None:
                self._symbol(symbol)
            else:
                self._brace(brace)
        while self._outer:
            self._close()
        self._finish(self._group)

    def _pass_over(self) -> int:
        """Where the next token is that counts."""
        while not self._group.to and (nothing := _NOTHING.match(self._data, self._at)):
            self._budget.check_time()
            self._at, self._passed_over = nothing.end(), 0
        return self._at

    def _brace(self, brace: bytes) -> None:
        self._passed_over = 0
        if brace == b"{":
            around = self._group
            self._outer.append(around)
            self._group = _Group(around.field, around.to, around.fallback)
        elif self._outer:
            self._close()

    def _close(self) -> None:
        self._finish(self._group)
        self._group = self._outer.pop()

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._group.known = False
        elif symbol in _LITERAL:
            self._letter(_LITERAL[symbol])

    def _word(self, word: bytes, number: int | None) -> None:
        group, unknown = self._group, not self._group.known
        group.known = True
        if word in (b"fldinst", b"fldrslt"):
            if group.field is None:
                self._begin()
            group.to = word.decode()
        elif word == b"field":
            self._begin()
        elif word == b"u" and number is not None:
            self._take(chr(number & 0xFFFF))
            self._passed_over = group.fallback
        elif word == b"uc":
            group.fallback = max(0, number or 0)
        elif word == b"bin" and self._skips:
            self._at += max(0, number or 0)
        elif word in _SPACES:
            self._letter(" ")
        elif unknown or word in _NO_TEXT:
            group.to = ""

    def _begin(self) -> None:
        group = self._group
        if group.owns:
            self._finish(group)
        group.field, group.to, group.owns = _Field(), "", True

    def _letter(self, letter: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
        else:
            self._take(letter)

    def _take(self, text: str) -> None:
        passed, self._passed_over = self._passed_over, max(0, self._passed_over - len(text))
        text, group = text[passed:], self._group
        if group.field is None or not group.to:
            return
        _write(group, text, text, text)

    def _finish(self, group: _Group) -> None:
        """Judge a field whose group ends, and tell the one around it what it shows."""
        if not group.owns or group.field is None:
            return
        own, seen, everything, result = (
            "".join(each)
            for each in (group.field.own, group.field.shown, group.field.all, group.field.result)
        )
        if any(is_active(each, self._budget) for each in {own, seen, everything}):
            _active()
        around = self._outer[-1] if self._outer else None
        if around is not None and around.field is not None and around.to:
            _write(around, "", shown(seen, result), everything + result)


def _write(group: _Group, own: str, seen: str, everything: str) -> None:
    into = group.field
    assert into is not None
    if group.to == "fldrslt":
        if into.result_letters < _RESULT_LETTERS:
            into.result.append(seen[:_RESULT_LETTERS])
            into.result_letters += len(seen)
        return
    into.letters += len(everything)
    if into.letters > _INSTRUCTION_LETTERS:
        raise Refusal("malformed-file", "rtf: an instruction out of proportion")
    into.own.append(own)
    into.shown.append(seen)
    into.all.append(everything)
