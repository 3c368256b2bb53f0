"""OLE compound files made by hand (MS-CFB), and the old Office documents that they carry."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import count

from tests.support.benign_files import office, pack
from tests.support.hostile_files import eicar_zip

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class _Sectors:
    """The sectors of a file, and the table of where each one's chain goes on."""

    def __init__(self, *, scattered: bool = False) -> None:
        self._scattered = scattered
        self.all: list[bytes] = []
        self.table: list[int] = []
        self._large: dict[bytes, int] = {}

    def put(self, data: bytes) -> int:
        """Append a chain; return where it begins. Equal ones are there once."""
        if not data or data in self._large:
            return self._large.get(data, _END)
        begin = self._large[data] = len(self.all)
        pieces = [data[at : at + _SECTOR] for at in range(0, len(data), _SECTOR)]
        step = 2 if self._scattered else 1
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            self.all.append(piece.ljust(_SECTOR, b"\0"))
            self.table.append(_END if last else begin + step * number)
            if self._scattered:
                self.all.append(b"\xee" * _SECTOR)
                self.table.append(_FREE)
        return begin

    def close(self) -> list[int]:
        """Append the table, which lists its own sectors as well; return where it is."""
        each = _SECTOR // 4
        needed = next(n for n in count(1) if n * each >= len(self.table) + n)
        listed = [*range(len(self.all), len(self.all) + needed)]
        numbers = [*self.table, *[_TABLE] * needed]
        packed = struct.pack(f"<{len(numbers)}L", *numbers)
        self.all.append(packed.ljust(needed * _SECTOR, b"\xff"))
        return listed


def compound(
    streams: Mapping[str, bytes],
    class_id: bytes = bytes(16),
    *,
    scattered: bool = False,
    **odd: int,
) -> bytes:
    """A compound file with these streams, small ones in the root's, equal large ones once.

    `scattered`: something else stands between any two sectors of a stream. `odd` has starts of
    chains that are others.
    """
    sectors, small, mini_table, entries = (
        _Sectors(scattered=scattered),
        b"",
        list[int](),
        list[bytes](),
    )
    for name, data in streams.items():
        start = _END
        if len(data) >= _CUTOFF:
            start = sectors.put(data)
        elif data:
            start, pieces = len(mini_table), -(-len(data) // _MINI)
            mini_table += [*range(start + 1, start + pieces), _END]
            small += data.ljust(pieces * _MINI, b"\0")
        entries.append(_entry(name, 2, odd.get("stream", start), len(data)))
    root = _entry("Root Entry", 5, sectors.put(small), len(small), class_id)
    minis = sectors.put(struct.pack(f"<{len(mini_table)}L", *mini_table))
    directory = sectors.put(b"".join([root, *entries]))
    listed = sectors.close()
    head = OLE + bytes(16) + struct.pack("<5H6x2L", 0x3E, 3, 0xFFFE, 9, 6, 0, len(listed))
    head += struct.pack("<3L", odd.get("directory", directory), 0, _CUTOFF)
    head += struct.pack("<4L", minis, 1, odd.get("more", _END), 0)
    head += struct.pack("<109L", *listed, *[_FREE] * (109 - len(listed)))
    return head + b"".join(sectors.all)


def _entry(name: str, kind: int, start: int, size: int, class_id: bytes = bytes(16)) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB3L", len(encoded), kind, 1, _FREE, _FREE, 1)
    return head + class_id + bytes(20) + struct.pack("<LQ", start, size)


def _word(flags: int, size: int) -> bytes:
    """A FIB with these flags (MS-DOC, 2.5.2)."""
    return struct.pack("<6H", 0xA5EC, 193, 0, 0x409, 0, 0x10F0 | flags).ljust(size, b"t")


def _excel(*, locked: bool, size: int) -> bytes:
    """The beginning of a workbook (MS-XLS, 2.1.7.20.3)."""
    begin = struct.pack("<2H16x", 0x809, 16) + struct.pack("<2H", 0x86, 0)
    password = struct.pack("<2H54x", 0x2F, 54) if locked else b""
    return (begin + password + struct.pack("<2H2x", 0x42, 2)).ljust(size - 4, b"\0") + b"\x0a\0\0\0"


def _powerpoint(token: int) -> bytes:
    """A CurrentUserAtom (MS-PPT, 2.3.2)."""
    return struct.pack("<2H4L", 0, 0x0FF6, 28, 20, token, 0) + bytes(16)


def honest() -> dict[str, bytes]:
    """Return name → bytes of old documents without a password."""
    book = office(XLSX, "xl/workbook.xml")
    return {
        "a.doc": compound({"1Table": bytes(900), "WordDocument": _word(0, 9000)}),
        "small.doc": compound({"WordDocument": _word(0, 900)}),
        # Says how it would be locked, and that it is not (MS-DOC, fObfuscated).
        "odd.doc": compound({"WordDocument": _word(0x8000, 9000)}),
        "a.xls": compound({"Workbook": _excel(locked=False, size=9000)}),
        "bare.xls": _excel(locked=False, size=900),
        "a.ppt": compound(
            {"Current User": _powerpoint(0xE391C05F), "PowerPoint Document": bytes(9)}
        ),
        "with a workbook.doc": compound({"WordDocument": _word(0, 9000), "Package": book}),
        "empty.msg": compound({"__properties_version1.0": bytes(32), "__nameid": b""}),
    }


def virus() -> dict[str, bytes]:
    """Return label → bytes: EICAR in an archive that is a stream of a document, or two of them."""
    large = pack({"a": bytes(range(256)) * 64, "b.zip": eicar_zip()}, stored=("a",))
    return {
        "small archive in ole": compound({"x": b"y" * 99, "Package": eicar_zip()}),
        "large archive in ole": compound({"x": b"y" * 5000, "Package": large}),
        "archive in ole in ole": compound({"x": compound({"Package": eicar_zip()})}),
    }


def refused() -> dict[str, tuple[bytes, str]]:
    """Return label → (bytes, reason) of those that must not pass."""
    locked = {
        "word": compound({"WordDocument": _word(0x100, 9000)}),
        "small word": compound({"1Table": b"x" * 70, "worddocument": _word(0x100, 900)}),
        "obfuscated word": compound({"WordDocument": _word(0x8100, 9000)}),
        "excel": compound({"Workbook": _excel(locked=True, size=9000)}),
        "excel 95": compound({"Book": _excel(locked=True, size=900)}),
        "bare excel": _excel(locked=True, size=900),
        "bare word": struct.pack("<6H", 0xA5DB, 45, 0, 0, 0, 0x100) + bytes(900),
        "powerpoint": compound({"Current User": _powerpoint(0xF3D1C4DF)}),
        "summary": compound({"EncryptedSummary": b"x"}),
        "rights": compound({"\tDRMContent": bytes(99)}),
        "office": compound({"EncryptionInfo": bytes(99), "EncryptedPackage": bytes(9000)}),
    }
    good = compound({"WordDocument": _word(0, 9000)})
    return {
        **{f"encrypted {label}": (data, "encrypted") for label, data in locked.items()},
        "installer": (compound({"x": b"y"}, _INSTALLER), "unknown-packing"),
        "cabinet in ole": (compound({"x": b"MSCF" + bytes(5000)}), "unknown-packing"),
        "small cabinet in ole": (compound({"x": b"MSCF" + bytes(50)}), "unknown-packing"),
        "ole without a directory": (compound({}, directory=77_777), "malformed-file"),
        "ole whose stream is elsewhere": (
            compound({"WordDocument": _word(0, 9000)}, stream=77_777),
            "malformed-file",
        ),
        "ole whose table has no end": (compound({}, more=0), "malformed-file"),
        "ole of nothing": (good[:30] + bytes(482), "malformed-file"),
        "ole cut off": (good[:400], "malformed-file"),
        "ole of streams that share their bytes": (
            compound({str(number): b"x" * (1 << 16) for number in range(99)}),
            "bomb",
        ),
    }
