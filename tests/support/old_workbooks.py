"""Workbooks of old Excel as records (MS-XLS): honest ones, and such as act by themselves."""

from __future__ import annotations

import struct

from tests.support.ole_files import compound

_WORKBOOK, _SHEET, _MACROS, _MODULE = 5, 16, 64, 6


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<2H", kind, len(data)) + data


def _begin(kind: int, version: int = 0x600) -> bytes:
    return _record(0x809, struct.pack("<6H4x", version, kind, 0x0DBB, 1996, 0, 0))


def _sheet(kind: int, name: str = "Sheet1", *, wide: bool = False) -> bytes:
    letters = name.encode("utf-16-le" if wide else "latin-1")
    return _record(0x85, struct.pack("<L4B", 600, 0, kind, len(name), wide) + letters)


def _old_sheet(kind: int, name: bytes) -> bytes:
    return _record(0x85, struct.pack("<L3B", 600, 0, kind, len(name)) + name)


def _auto(number: int, formula: bytes = b"\x3a\0\0\0\0\0\0") -> bytes:
    """A name that Excel has itself: 1 is Auto_Open, 6 what is printed."""
    head = struct.pack("<H2B3H4B", 0x20, 0, 1, len(formula), 0, 0, 0, 0, 0, 0)
    return _record(0x18, head + b"\0" + bytes((number,)) + formula)


def _source(path: str, *, wide: bool = False) -> bytes:
    letters = path.encode("utf-16-le" if wide else "latin-1")
    return _record(0x1AE, struct.pack("<HHB", 0, len(path), wide) + letters)


def book(*records: bytes, version: int = 0x600) -> bytes:
    """The stream of a workbook with these among its global records."""
    rest = _record(10, b"") + _begin(_SHEET, version) + _record(10, b"")
    return (_begin(_WORKBOOK, version) + b"".join(records) + rest).ljust(5000, b"\0")


_ACTING = {
    "macro sheet": book(_sheet(1, "Macro1")),
    "hidden macro sheet with a wide name": book(_sheet(1, "Makro\u0436", wide=True)),
    "module": book(_sheet(6)),
    "macro sheet of excel 5": book(_old_sheet(1, b"M"), version=0x500),
    "macro sheet that no record names": book(_sheet(0)) + _begin(_MACROS),
    "macros behind the end": book(_sheet(0)) + b"\xff" * 3 + _sheet(1),
    "name that runs": book(_sheet(0), _auto(1)),
    "name that runs at the end": book(_sheet(0), _auto(2)),
    "dde": book(_source("cmd\3/c calc")),
    "dde with wide letters": book(_source("cmd\3/c \u0436", wide=True)),
    "dde of excel 5": book(_record(0x17, b"\x08cmd\3calc"), version=0x500),
}


def acting() -> dict[str, bytes]:
    """Return label → bytes of workbooks that act by themselves."""
    found = {label: compound({"Workbook": data}) for label, data in _ACTING.items()}
    small = book(_sheet(1, "Macro1"))[:900]
    return {
        **found,
        "small macro sheet": compound({"WORKBOOK": small}),
        "macro sheet in Book": compound({"Book": book(_sheet(1))}),
        "macro sheet in pieces": compound(
            {"Workbook": book(_sheet(1)).rjust(9000)}, scattered=True
        ),
        "bare macro sheet": _begin(_MACROS).ljust(900, b"\0"),
        "bare sheet of excel 4": struct.pack("<2H3H", 0x409, 6, 0, _MACROS, 0).ljust(900, b"\0"),
        "bare workbook with macros": book(_sheet(1)),
    }


def honest() -> dict[str, bytes]:
    """Return label → bytes of workbooks in which nothing acts."""
    books = {
        "sheets": book(_sheet(0), _sheet(2, "Chart1"), _sheet(0, "Bl\u00e4tter \u0436", wide=True)),
        "print area": book(_sheet(0), _auto(6)),
        "other file": book(_source("\1folder\3other.xls"), _source(" ")),
        "other file of excel 5": book(_record(0x17, b"\x07\1fold\3a"), version=0x500),
        "texts like records": book(_record(0xFC, b"\x85\0\x40\0abcd\0\1\x06\0" + b"x" * 50)),
    }
    packed = {label: compound({"Workbook": data}) for label, data in books.items()}
    return packed | {"bare sheet": _begin(_SHEET).ljust(900, b"\0")}
