"""tar (POSIX.1-2017, pax; GNU tar's manual, "Basic Tar Format") and ar, read in one pass.

Programs read a sloppy tar in different ways, and pass over what they do not understand. So only the
strict shape is accepted: blocks that follow each other to the end, and zeros behind it. Names are
judged but never used. For the parser cell.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.unpacking import CHUNK_BYTES

Members = Iterator[tuple[str, Iterator[bytes]]]
BLOCK = 512
_NAME, _SIZE, _SUM, _KIND, _LINK = (
    slice(100),
    slice(124, 136),
    slice(148, 156),
    156,
    slice(157, 257),
)
_USTAR, _PREFIX = slice(257, 262), slice(345, 500)
_NOTES_BYTES = 1024 * 1024
_NOTES, _FILES, _LINKS, _FOLDER, _DEVICES = b"xgLK", b"\x0007", b"12", b"5", b"346"
_SYMBOLIC, _SPARSE = b"2", b"SM"
_ELSEWHERE = re.compile(rb"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|[\0\r\n]")
_NOTE = re.compile(rb"(\d{1,9}) ([^=]+)=")
AR = b"!<arch>\n"
_AR_HEAD = 60
_NUMBER = re.compile(rb" *([0-7]*)[ \0]*")


def is_tar(head: bytes) -> bool:
    """Whether a header's checksum is right: no other format has one there."""
    # Its name says nothing: that of a header before the first file may be empty.
    block = head[:BLOCK]
    return len(block) == BLOCK and _sum_is_right(block)


def read_tar(file: BinaryIO, budget: Budget) -> Members:
    """Yield name and bytes of every file; each is to be read before the next. Raises: Refusal."""
    file.seek(0)
    named = _Named()
    while True:
        block = file.read(BLOCK)
        if not any(block):
            return _check_end(file, block)
        if len(block) < BLOCK or not _sum_is_right(block):
            _malformed("a header")
        budget.enter(1)
        kind = block[_KIND : _KIND + 1]
        if kind in _NOTES:
            named.note(kind, _read_notes(file, _number(block[_SIZE])))
            continue
        name, size = named.of(block)
        _check_link(kind, name, named.link or block[_LINK].partition(b"\0")[0])
        _check_kind(kind, size)
        here = file.tell()
        if size or kind in _FILES:
            yield name.decode("utf-8", "replace"), _content(file, here, size)
        file.seek(here + -(-size // BLOCK) * BLOCK)
        named = _Named()


def read_ar(file: BinaryIO, budget: Budget) -> Members:
    """The same of an ar archive: Debian packages, libraries of objects (ar(5))."""
    at, end = len(AR), file.seek(0, io.SEEK_END)
    while at < end:
        file.seek(at)
        head = file.read(_AR_HEAD)
        size = head[48:58].strip()
        if len(head) < _AR_HEAD or head[58:] != b"`\n" or not size.isdigit():
            _malformed("a header")
        budget.enter(1)
        yield head[:16].strip().decode("ascii", "replace"), _content(file, file.tell(), int(size))
        at += _AR_HEAD + int(size) + int(size) % 2


def _malformed(detail: str) -> NoReturn:
    raise Refusal("malformed-file", f"tar or ar: {detail}")


def _number(field: bytes) -> int:
    """Octal digits, or a number of 95 bits where the first bit is set (GNU)."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    found = _NUMBER.fullmatch(field)
    if found is None:
        _malformed("a number")
    return int(found[1] or b"0", 8)


def _sum_is_right(block: bytes) -> bool:
    """The sum of all bytes, its own counted as spaces; old programs added up signed ones."""
    found = _NUMBER.fullmatch(block[_SUM])
    if found is None or not found[1]:
        return False
    rest = block[: _SUM.start] + b" " * 8 + block[_SUM.stop :]
    total = sum(rest)
    return int(found[1], 8) in (total, total - 256 * sum(byte > 127 for byte in rest))


def _check_end(file: BinaryIO, block: bytes) -> None:
    """Zeros alone follow the first block of zeros; where there is none, the file ends."""
    while block:
        if any(block):
            raise Refusal("trailing-data", "tar: bytes behind the end")
        block = file.read(CHUNK_BYTES)


def _check_link(kind: bytes, name: bytes, link: bytes) -> None:
    """A link counts from its own folder, and a second name of a file from the first one's."""
    if kind not in _LINKS:
        return
    start = posixpath.dirname(name) if kind == _SYMBOLIC else b""
    if not link or _ELSEWHERE.search(posixpath.normpath(posixpath.join(start, link))):
        _malformed("a link that leads elsewhere")


def _check_kind(kind: bytes, size: int) -> None:
    if kind in _DEVICES:
        _malformed("a device")
    if kind in _SPARSE:
        raise Refusal("unknown-packing", "tar: a file with holes, or in several volumes")
    if size and kind in _LINKS + _FOLDER:
        _malformed("content where none belongs")


def _read_notes(file: BinaryIO, size: int) -> bytes:
    if size > _NOTES_BYTES:
        _malformed("a header out of proportion")
    notes = b"".join(_content(file, file.tell(), size))
    file.seek(-size % BLOCK, io.SEEK_CUR)
    return notes


def _content(file: BinaryIO, at: int, size: int) -> Iterator[bytes]:
    while size:
        file.seek(at)
        piece = file.read(min(size, CHUNK_BYTES))
        if not piece:
            _malformed("cut off")
        at, size = at + len(piece), size - len(piece)
        yield piece


@dataclass(slots=True)
class _Named:
    """What headers of their own say of the file that follows them."""

    name: bytes = b""
    link: bytes = b""
    size: int | None = None

    def note(self, kind: bytes, content: bytes) -> None:
        if kind == b"L":
            self.name = content.partition(b"\0")[0]
        elif kind == b"K":
            self.link = content.partition(b"\0")[0]
        else:
            self._take(_read_pax(content), for_all=kind == b"g")

    def _take(self, notes: dict[bytes, bytes], *, for_all: bool) -> None:
        if any(key.startswith(b"GNU.sparse.") for key in notes):
            raise Refusal("unknown-packing", "tar: a file with holes")
        if for_all and notes.keys() & {b"path", b"linkpath", b"size"}:
            _malformed("one name for all")
        self.name = notes.get(b"path", self.name)
        self.link = notes.get(b"linkpath", self.link)
        if b"size" in notes:
            if not notes[b"size"].isdigit():
                _malformed("a number")
            self.size = int(notes[b"size"])

    def of(self, block: bytes) -> tuple[bytes, int]:
        """Name and size of the file with this header."""
        name = block[_NAME].partition(b"\0")[0]
        prefix = block[_PREFIX].partition(b"\0")[0] if block[_USTAR] == b"ustar" else b""
        name = self.name or (prefix + b"/" + name if prefix and block[263:265] == b"00" else name)
        if _ELSEWHERE.search(name):
            _malformed("a name that leads elsewhere")
        return name, _number(block[_SIZE]) if self.size is None else self.size


def _read_pax(content: bytes) -> dict[bytes, bytes]:
    """Records of a length, a name and a value (POSIX.1-2017, pax, extended header)."""
    notes: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        found = _NOTE.match(content, at)
        end = at + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(content) or content[end - 1] != 10:
            _malformed("an extended header")
        notes[found[2]] = content[found.end() : end - 1]
        at = end
    return notes
