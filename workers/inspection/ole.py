"""OLE compound files (MS-CFB): whether the document in one is encrypted, and what is packed in it.

Word, Excel and PowerPoint of before 2007 write them, so do encrypted newer documents, mail of
Outlook and Windows' installers. Read by their directory: a stream is put together as programs do,
wherever its pieces lie. What is needed and cannot be read refuses the file. For the parser cell.
"""

from __future__ import annotations

import array
import io
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Refusal
from workers.inspection.closed import HEAD_BYTES

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<30x2H14xL4x5L")
_TABLES_AT, _TABLES_HERE = 76, 109
_ENTRY = struct.Struct("<64sHB13x16s20xLQ")
_END, _LAST = 0xFFFFFFFE, 0xFFFFFFFA
_MINI_SHIFT = 6
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_DIRECTORY_BYTES = 32 * 1024 * 1024
_LOCKED_NAMES = frozenset(
    {"ENCRYPTEDPACKAGE", "ENCRYPTEDSUMMARY", "\x06DATASPACES", "\tDRMCONTENT"}
)
_INSTALLER = re.compile(rb"[\x82\x84\x86]\x10\x0c\0{5}\xc0\0{6}\x46", re.DOTALL)
_WORD_ENCRYPTED = 0x0100  # FibBase.fEncrypted (MS-DOC, 2.5.2)
_POWERPOINT_ENCRYPTED = 0xF3D1C4DF  # CurrentUserAtom.headerToken (MS-PPT, 2.3.2)
_FILE_PASS, _EXCEL_END = 0x2F, 0x0A  # MS-XLS, 2.4.117 and 2.4.103
_OLD_WORD = re.compile(rb"\xdb\xa5\x2d\0|\x9b\xa5\x21\0")
_OLD_EXCEL = re.compile(rb"\x09[\0\x02\x04\x08][\x04\x06\x08\x10]\0")


def check_bare(head: bytes) -> None:
    """The same programs' documents without a compound file around them. Raises: Refusal."""
    if _OLD_WORD.match(head):
        _check_word(head)
    elif _OLD_EXCEL.match(head):
        _check_excel(head)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream of a compound file: its bytes are `size` long and begin at `start`."""

    name: str
    start: int
    size: int


def read_ole(file: BinaryIO) -> Compound:
    """Read the directory, and what says that the document is locked.

    Raises: Refusal; `encrypted` for a document that needs a password.
    """
    file.seek(0)
    data = file.getbuffer() if isinstance(file, io.BytesIO) else memoryview(file.read())
    compound = Compound(data)
    for entry in compound.entries:
        if entry.name.upper() in _LOCKED_NAMES:
            raise Refusal("encrypted", "an encrypted document")
    for entry in compound.entries:
        if check := _CHECKS.get(entry.name.upper()):
            check(compound.read(entry, HEAD_BYTES))
    return compound


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"ole: {detail}")


def _locked(program: str) -> NoReturn:
    raise Refusal("encrypted", f"an encrypted document of {program}")


def _check_word(head: bytes) -> None:
    if int.from_bytes(head[10:12], "little") & _WORD_ENCRYPTED:
        _locked("Word")


def _check_powerpoint(head: bytes) -> None:
    if int.from_bytes(head[12:16], "little") == _POWERPOINT_ENCRYPTED:
        _locked("PowerPoint")


def _check_excel(head: bytes) -> None:
    """Records of a kind and a length; that of the password stands among the first."""
    at = 0
    while at + 4 <= len(head):
        kind, size = struct.unpack_from("<2H", head, at)
        if kind == _FILE_PASS:
            _locked("Excel")
        if kind == _EXCEL_END:
            return
        at += 4 + size


_CHECKS = {
    "WORDDOCUMENT": _check_word,
    "WORKBOOK": _check_excel,
    "BOOK": _check_excel,
    "CURRENT USER": _check_powerpoint,
}


class Compound:
    """Its directory. `entries` are its streams, `classes` what its storages say that they are."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        if len(data) < 512:
            _malformed("cut off")
        shift, mini, directory, self._cutoff, minis, _, more, _ = _HEADER.unpack_from(data)
        if shift not in (9, 12) or mini != _MINI_SHIFT:
            _malformed("sizes that there are not")
        self._size = 1 << shift
        self._handed_out = 0
        self._table = self._read_table(more)
        self._minis: array.array[int] | None = None
        self._minis_at = minis
        self._root = Entry("", _END, 0)
        self.classes: set[bytes] = set()
        self.entries = list(self._read_directory(directory))
        self._root_chain: list[int] | None = None

    def read(self, entry: Entry, most: int) -> bytes:
        """Up to `most` bytes of a stream. Raises: Refusal."""
        wanted = min(most, entry.size)
        if not wanted:
            return b""
        self._handed_out += wanted
        if self._handed_out > HEAD_BYTES * 64 + 4 * len(self._data):
            raise Refusal("bomb", "ole: streams that share their bytes")
        if entry.size < self._cutoff:
            return self._read_mini(entry, wanted)
        sectors = self._chain(entry.start, -(-wanted // self._size), self._table)
        return b"".join(self._sector(one) for one in sectors)[:wanted]

    def _sector(self, number: int) -> memoryview:
        at = (number + 1) * self._size
        return self._data[at : at + self._size]

    def _chain(self, start: int, most: int, table: array.array[int]) -> list[int]:
        """The numbers of a chain's sectors, `most` at most. Raises: Refusal."""
        found: list[int] = []
        number = start
        while number < _LAST and len(found) < most:
            if number >= len(table):
                _malformed("a chain that leads elsewhere")
            found.append(number)
            number = table[number]
        return found

    def _read_table(self, more: int) -> array.array[int]:
        """Where each sector's chain goes on; the table's own sectors are listed in the header."""
        listed = list(struct.unpack_from(f"<{_TABLES_HERE}L", self._data, _TABLES_AT))
        per, most = self._size // 4, len(self._data) // self._size
        steps = 0
        while more < _LAST:
            numbers = _numbers(self._sector(more))
            if steps > most or len(numbers) < per:
                _malformed("a list that does not end")
            listed += numbers[:-1]
            more, steps = numbers[-1], steps + 1
        table = array.array("I")
        for number in listed:
            if number < _LAST:
                if len(table) > most + per:
                    break
                table.extend(_numbers(self._sector(number)))
        return table

    def _read_directory(self, start: int) -> Iterator[Entry]:
        most = min(_DIRECTORY_BYTES, len(self._data)) // self._size + 1
        sectors = self._chain(start, most + 1, self._table)
        if not sectors or len(sectors) > most:
            _malformed("no directory")
        raw = b"".join(self._sector(one) for one in sectors)
        for at in range(0, len(raw) - _ENTRY.size + 1, _ENTRY.size):
            name, length, kind, class_id, begins, size = _ENTRY.unpack_from(raw, at)
            if kind in (_STORAGE, _ROOT):
                self.classes.add(class_id)
            if kind not in (_STREAM, _ROOT):
                continue
            if self._size == 512:
                size &= 0xFFFFFFFF  # what is above it may be anything (MS-CFB, 2.6.1)
            letters = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            entry = Entry(letters, begins, size)
            if kind == _STREAM:
                yield entry
                continue
            self._root = entry
            if _INSTALLER.match(class_id):
                raise Refusal("unknown-packing", "a container that is not opened: an installer")

    def _read_mini(self, entry: Entry, wanted: int) -> bytes:
        """Small streams stand together in the root's, in pieces of 64 bytes."""
        if self._minis is None:
            most = len(self._data) // self._size + 1
            self._minis = array.array("I")
            for number in self._chain(self._minis_at, most, self._table):
                self._minis.extend(_numbers(self._sector(number)))
            self._root_chain = self._chain(self._root.start, most, self._table)
        assert self._root_chain is not None
        out = bytearray()
        for number in self._chain(entry.start, -(-wanted >> _MINI_SHIFT), self._minis):
            where, within = divmod(number << _MINI_SHIFT, self._size)
            if where >= len(self._root_chain):
                _malformed("a chain that leads elsewhere")
            out += self._sector(self._root_chain[where])[within : within + (1 << _MINI_SHIFT)]
        return bytes(out[:wanted])


def _numbers(sector: memoryview) -> array.array[int]:
    found = array.array("I", bytes(sector[: len(sector) // 4 * 4]))
    if sys.byteorder == "big":
        found.byteswap()
    return found
