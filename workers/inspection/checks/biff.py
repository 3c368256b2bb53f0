"""Workbooks of old Excel (MS-XLS, and before it): macros in sheets, names that call them, DDE.

Records are looked for in all of a stream's bytes, not by walking from one to the next: programs go
on behind what does not fit, and by offsets. What decides has a dozen bytes that belong together.
"""

from __future__ import annotations

import re
from typing import NoReturn

from uploads.documents.readers.limits import Refusal

STREAMS = frozenset({"WORKBOOK", "BOOK"})
_BEGINNING = re.compile(rb"\x09[\0\2\4\x08][\x04\x06\x08\x10]\0")
# BOF of a macro sheet (MS-XLS, 2.4.21), of BIFF5 and BIFF8, and of the versions before.
_MACRO_SHEET = re.compile(rb"\x09\x08[\x06-\x10]\0\0[\5\6]\x40\0", re.DOTALL)
_OLD_MACRO_SHEET = re.compile(rb"\x09(?:\0\x04|[\2\4]\x06)\0..\x40\0", re.DOTALL)
# BoundSheet8 (2.4.28): offset, visibility, kind (macros, or a module of Visual Basic), name.
_BOUND_SHEET = re.compile(rb"\x85\0(.)\0.{4}[\0-\x3f][\x01\x06](.)(.)", re.DOTALL)
_LONGEST_NAME = 31
# Lbl (2.4.150) of a name that Excel has itself: Auto_Open, Auto_Close, Auto_Activate and its twin.
_AUTO_NAME = re.compile(
    rb"\x18\0.{2}([\x20-\x3f\x60-\x7f\xa0-\xbf\xe0-\xff]).{2}\x01.{2}(?:\0\0.{6}\0|.{8})"
    rb"[\x01\x02\x0a\x0b]",
    re.DOTALL,
)
_AUTO_NAME_BYTES = {15: 14, 16: 15}
# SupBook (2.4.271) whose path has a mark between program and topic (2.5.277), and ExternSheet of
# Excel 5 with the same. Paths of files, in which it stands for a folder, begin with another mark.
_SOURCE = re.compile(rb"\xae\x01(.)([\0-\x02])..(.)\0([\0\x01])", re.DOTALL)
_OLD_SOURCE = re.compile(rb"\x17\0(.)\0(.)[^\0-\x03]", re.DOTALL)
_MARK = b"\x03"


def begins_as_biff(head: bytes) -> bool:
    """Whether it begins with a BOF of any version."""
    return _BEGINNING.match(head) is not None


def check_biff(data: bytes, *, bare: bool = False) -> None:
    """Check a stream of records. `bare`: it is a file of its own. Raises: Refusal."""
    if _MACRO_SHEET.search(data) or (bare and _OLD_MACRO_SHEET.search(data)):
        _active("a sheet of macros")
    if any(map(_is_macros, _BOUND_SHEET.finditer(data))):
        _active("a sheet of macros")
    if any(_is_auto_name(data, found) for found in _AUTO_NAME.finditer(data)):
        _active("a name that runs by itself")
    if any(_is_dde(data, found) for found in _SOURCE.finditer(data)):
        _active("a DDE link")
    if any(_is_old_dde(data, found) for found in _OLD_SOURCE.finditer(data)):
        _active("a DDE link")


def _active(detail: str) -> NoReturn:
    raise Refusal("active-content", f"excel: {detail}")


def _is_macros(found: re.Match[bytes]) -> bool:
    """Whether the record is as long as its name: one byte a letter, or two."""
    size, letters, wide = found[1][0], found[2][0], found[3][0]
    if not 1 <= letters <= _LONGEST_NAME:
        return False
    return size == 7 + letters or (wide in (0, 1) and size == 8 + letters * (1 + wide))


def _is_auto_name(data: bytes, found: re.Match[bytes]) -> bool:
    """Whether the record is as long as its name of one letter and its formula, and texts behind."""
    at = found.start()
    size, formula = _short(data, at + 2), _short(data, at + 8)
    head = 14 if found.end() - at - 4 == 15 else 15
    texts = sum(data[at + 14 : at + 18])
    return head + 1 + formula <= size <= head + 1 + formula + 2 * texts + 4


def _is_dde(data: bytes, found: re.Match[bytes]) -> bool:
    size, letters, wide = _short(data, found.start() + 2), found[3][0], found[4][0]
    path = data[found.end() : found.end() + letters * (1 + wide)]
    if 5 + len(path) > size or len(path) < letters:
        return False
    plain = path[::2] if wide else path
    return plain[:1] > _MARK and _MARK in plain


def _is_old_dde(data: bytes, found: re.Match[bytes]) -> bool:
    size, letters = found[1][0], found[2][0]
    path = data[found.end() - 1 : found.end() - 1 + letters]
    return size == 1 + letters and _MARK in path[1:-1] and path.replace(_MARK, b"").isalnum()


def _short(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")
