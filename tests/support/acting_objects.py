"""Old documents, objects and tables that act by themselves; viruses that no plain look shows."""

from __future__ import annotations

import base64
import gzip
import struct
import uuid
import zlib

from tests.support import old_workbooks
from tests.support.benign_files import pack, picture
from tests.support.hostile_files import eicar, eicar_zip
from tests.support.ole_files import compound

ZIP, RTF, CSV = "application/zip", "application/rtf", "text/csv"
PNG, MP3 = "image/png", "audio/mpeg"
Files = dict[str, tuple[str, bytes]]
_URL = "79eac9e0-baf9-11ce-8c82-00aa004ba90b"
_COMPOSITE = "00000309-0000-0000-c000-000000000046"
_STANDARD_LINK = "00000300-0000-0000-c000-000000000046"
_PACKAGER = "0003000c-0000-0000-c000-000000000046"


def _class(number: str) -> bytes:
    return uuid.UUID(number).bytes_le


def _object(flags: int, moniker: str = "") -> bytes:
    """The stream that says where an object is (MS-OLEDS, 2.3.3)."""
    named = _class(moniker) + b"http://127.0.0.1:9/x" if moniker else b""
    return struct.pack("<5L", 0x02000001, flags, 1, 0, len(named)) + named


RTF_OBJECT = rb"{\rtf1{\object\objemb{\*\objdata 01}}}"
_OBJECTS = {
    "linked object": compound({"\x01Ole": _object(1)}),
    "address of an object": compound({"\x01Ole": _object(0, _URL)}),
    "composite address of an object": compound({"\x01ole": _object(8, _COMPOSITE)}),
    "storage that is a link": compound({"x": b"y"}, _class(_STANDARD_LINK)),
    "storage of the packager": compound({"x": b"y"}, _class(_PACKAGER)),
    "rtf in a stream": compound({"CONTENTS": RTF_OBJECT}),
    "rtf in a stream in pieces": compound(
        {"CONTENTS": RTF_OBJECT.replace(b"{\\obj", b" " * 6000 + b"{\\obj")}, scattered=True
    ),
    "workbook in a stream": compound({"Package": old_workbooks.acting()["macro sheet"]}),
}
_MACROS = compound({"_VBA_PROJECT": b"x" * 99, "dir": b"y" * 99})
_SLIDE = struct.pack("<2HLL", 0x10, 0x1011, 4, len(_MACROS)) + zlib.compress(_MACROS)
_PAGE_HEAD = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n boundary="--=x"\r\n\r\n'
    b"----=x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>3D =3D 3D\r\n-- \r\n----=x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)


def _page(part: bytes) -> bytes:
    """A page saved as one file, with a part in letters."""
    return _PAGE_HEAD + base64.encodebytes(part) + b"\r\n----=x--\r\n"


_OBJECTS |= {
    "packed macros of a slideshow": compound({"PowerPoint Document": b"x" * 9 + _SLIDE}),
    "macros in a page": _page(b"ActiveMime" + bytes(40) + zlib.compress(_MACROS)),
    "macros in a mail": b"From: a@example.org\r\nSubject: x\r\n\ty\r\n" + _page(_MACROS),
}
_TABLES = {
    "sheet of macros as sylk": b"ID;PWXL;N;E\r\nO;E\r\n",
    "name that runs in sylk": b"ID;P\r\nNN;NAuto_open;ER1C1\r\n",
    "sylk on a border": b"ID;P\r\n".ljust(1024 * 1024 - 8, b"y") + b"\r\nNN;NAuto_open;ER1C1\r\n",
}
_HONEST_TABLES = {
    "numbers": b"a,b\n-5,+6\n-1,nick|afk!user@host\n",
    "formulas": b'=SUM(A1:A3),-12\n=A1&"|"&B1,=HYPERLINK("https://example.org","y")\n',
    "formulas that reach out": b"=cmd|'/k calc.exe'!A0\n=WEBSERVICE(\"http://127.0.0.1:9/\")\n",
    "products": b"ID;PRODUCT\nO;EAST\n",
}


def acting() -> Files:
    """Return label → (type, bytes) of what must be refused as active."""
    packed = {**_OBJECTS, **old_workbooks.acting()}
    return {
        **{f"{label} in a zip": (ZIP, pack({"a": data})) for label, data in packed.items()},
        **{f"{label} in rtf": (RTF, _digits(data)) for label, data in _OBJECTS.items()},
        **{label: (CSV, data) for label, data in _TABLES.items()},
        "table in a zip": (ZIP, pack({"a.CSV": _TABLES["name that runs in sylk"]})),
    }


def _digits(data: bytes, before: bytes = b"") -> bytes:
    return rb"{\rtf1{\*\datastore " + before + data.hex().encode() + b"}}"


def _lines(digits: bytes) -> bytes:
    return b"\r\n".join(digits[at : at + 64] for at in range(0, len(digits), 64))


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A picture with these chunks behind its data (PNG, 11.3)."""
    plain = picture("PNG")
    head, end = plain[:-12], plain[-12:]
    made = (struct.pack(">L", len(data)) + kind + data for kind, data in chunks)
    return head + b"".join(each + struct.pack(">L", zlib.crc32(each[4:])) for each in made) + end


def _tag(frame: bytes, flags: int = 0, *, unsynchronised: bool = False) -> bytes:
    """Sound behind a tag with one frame (ID3v2.3, 3.1 and 3.3)."""
    body = b"TXXX" + struct.pack(">LH", len(frame), flags) + frame
    body = body.replace(b"\xff", b"\xff\0") if unsynchronised else body
    head = b"ID3\3\0" + bytes((0x80 * unsynchronised, 0, 0, len(body) >> 7, len(body) & 127))
    return head + body + b"\xff\xfb\x90\x64" + bytes(500)


def _notes(text: bytes) -> dict[str, tuple[str, bytes]]:
    """This text, packed where pictures and sound keep texts."""
    packed = zlib.compress(text)
    return {
        "text of a png": (PNG, _png((b"zTXt", b"Comment\0\0" + packed))),
        "international text of a png": (PNG, _png((b"iTXt", b"a\0\1\0\0\0" + packed))),
        "colours of a png": (PNG, _png((b"iCCP", b"a\0\0" + packed))),
        "tag of an mp3": (MP3, _tag(struct.pack(">L", len(text)) + packed, 0x80)),
        "tag kept apart": (MP3, _tag(packed.replace(b"\xff", b"\xff"), 0x80, unsynchronised=True)),
    }


def virus() -> Files:
    """Return label → (type, bytes): EICAR that no plain reading of the bytes shows."""
    digits = eicar().hex().encode()
    broken = eicar().rjust(512 * 11 + 34, b" ")
    return {
        "picture in rtf": (RTF, rb"{\rtf1{\pict\pngblip " + _lines(digits) + b"}}"),
        "picture in rtf in a zip": (
            ZIP,
            pack({"a": rb"{\rtf1{\pict\wmetafile8 " + digits + b"}}"}),
        ),
        "picture in rtf in groups": (
            RTF,
            rb"{\rtf1{\pict{\*\blipuid 00112233445566778899aabbccddeeff}\pngblip "
            + digits[:40]
            + rb"{\*\x}\picw9 "
            + digits[40:]
            + b"}}",
        ),
        "archive in a picture in rtf": (
            RTF,
            rb"{\rtf1{\pict " + eicar_zip().hex().encode() + b"}}",
        ),
        "archive as binary data in rtf": (
            RTF,
            rb"{\rtf1{\pict\bin%d " % len(gzip.compress(eicar())) + gzip.compress(eicar()) + b"}}",
        ),
        "archive in ole in rtf": (RTF, _digits(compound({"Package": eicar_zip()}))),
        **_notes(b"text \xff " * 9 + eicar()),
        "text of a png in a zip": (ZIP, pack({"a": _notes(eicar())["text of a png"][1]})),
        "stream of zlib": (ZIP, pack({"a": zlib.compress(eicar())})),
        "stream of zlib in ole": (
            ZIP,
            pack({"a": compound({"x": b"y" * 9 + zlib.compress(eicar())})}),
        ),
        "mail": (ZIP, pack({"a.eml": b"Subject: x\r\n" + _page(eicar())})),
        "archive in a mail": (ZIP, pack({"a.doc": _page(eicar_zip())})),
        "stream in pieces": (ZIP, pack({"a": compound({"x": broken}, scattered=True)})),
    }


def honest() -> Files:
    """Return label → (type, bytes) of what looks alike and must stay clean."""
    objects = {
        "embedded object": compound({"\x01Ole": _object(0), "CONTENTS": b"x" * 99}),
        "objects with a hint": compound({"\x01Ole": _object(0x1000)}),
        "document in pieces": compound({"WordDocument": b"x" * 9000}, scattered=True),
        "link in a text": compound({"WordDocument": _class(_URL) + b"x" * 9000}),
        "rtf in a stream": compound({"CONTENTS": rb"{\rtf1 Text}"}),
        **old_workbooks.honest(),
    }
    return {
        **{f"{label} in a zip": (ZIP, pack({"a": data})) for label, data in objects.items()},
        **{label: (CSV, data) for label, data in _HONEST_TABLES.items()},
        "tables in a zip": (
            ZIP,
            pack({"a.csv": _HONEST_TABLES["formulas"], "a.txt": _TABLES["name that runs in sylk"]}),
        ),
        "theme in rtf": (RTF, _digits(pack({"a.xml": b"<a/>"}))),
        "picture in rtf": (RTF, rb"{\rtf1{\pict\pngblip " + _lines(b"89504e47" * 90) + b"}}"),
        "numbers in rtf": (RTF, rb"{\rtf1 " + rb"\cell 12\cell 3456 " * 300 + b"}"),
        **_notes(b"text " * 99),
        "texts in letters": (ZIP, pack({"a.eml": _page(b"text"), "b": zlib.compress(b"x" * 99)})),
        "head of zlib": (
            ZIP,
            pack({"a": b"x\x9c" + bytes(range(256)), "b.txt": b"MIME-Version: 1"}),
        ),
        "odd digits in rtf": (RTF, rb"{\rtf1{\pict " + b"1" * 333 + b"}}"),
    }
