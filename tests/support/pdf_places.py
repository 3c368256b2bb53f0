"""Places where a PDF keeps files, or could hide them: written byte by byte."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from types import MappingProxyType

import pikepdf

from tests.support.benign_files import DOCX, office, opendocument, pack, pdf, word
from tests.support.hostile_files import PDF, eicar, script_pdf
from tests.support.pdf_filters import attached

Objects = Mapping[int, bytes]
_PAGE = {
    1: b"<</Type /Catalog /Pages 2 0 R>>",
    2: b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
    3: b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99]>>",
}
_SCRIPT = b"<</S /JavaScript /JS (app.alert\\(1\\))>>"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s /Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def written(objects: Objects, *, trailer: bytes = b"", hidden: bytes = b"") -> bytes:
    """A page and these objects; `hidden` stands before the table, which does not know of it."""
    return revised(b"%PDF-1.7\n", {**_PAGE, **objects}, trailer=trailer, hidden=hidden)


def revised(
    earlier: bytes, objects: Objects, *, trailer: bytes = b"", hidden: bytes = b""
) -> bytes:
    """The same with these objects in the place of the earlier ones (ISO 32000-1, 7.5.6)."""
    made, rows = bytearray(earlier), b""
    for number, body in objects.items():
        rows += b"%d 1\n%010d 00000 n \n" % (number, len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    made += hidden
    if tables := re.findall(rb"startxref\n(\d+)", earlier):
        trailer += b" /Prev " + tables[-1]
    end = b"xref\n%strailer\n<</Size 99 /Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(made) + end % (rows, trailer, len(made))


def packed(data: bytes, entries: bytes = b"") -> bytes:
    """A stream in which nothing is seen that does not unpack it."""
    return stream(zlib.compress(data), entries + b"/Filter /FlateDecode")


def with_file(file: bytes, entries: bytes = b"") -> dict[int, bytes]:
    """A file specification and its file, which says nothing of itself."""
    return {7: b"<</Type /Filespec /EF <</F 8 0 R>>>>", 8: packed(file, entries)}


def _replaced() -> dict[str, bytes]:
    """A virus that only an earlier revision has."""
    plain, named = stream(b"a text"), with_file(eicar())
    indirect = {7: b"<</EF 9 0 R>>", 8: packed(eicar()), 9: b"<</UF 8 0 R>>"}
    filtered = {**named, 8: stream(zlib.compress(eicar()), b"/Filter 9 0 R")}
    twice = revised(written(named), {8: plain})
    return {
        "the file": revised(written(named), {8: plain}),
        "its specification": revised(written(named), {7: b"null", 8: b"null"}),
        "what leads to it": revised(written(indirect), {9: b"<<>>"}),
        "what leads to it, that is null": revised(written(indirect), {9: b"null"}),
        "its filter": revised(
            written({**filtered, 9: b"/FlateDecode"}), {9: b"null", 8: plain, 7: b"null"}
        ),
        "the file, and again": revised(twice, {8: stream(b"more")}),
        "the file, with a script attached": revised(
            written({**named, 10: stream(script_pdf(pikepdf.Dictionary()), _TYPED)}), {8: plain}
        ),
    }


_TYPED = b"/Type /EmbeddedFile"


def _in_places() -> dict[str, bytes]:
    """A virus in a PDF, in each place that hands out files."""
    file = {8: packed(eicar())}
    zipped = pack({"a.com": eicar()})
    return {
        "under the system's name": written({7: b"<</EF <</DOS 8 0 R>>>>", **file}),
        "as a related file": written({7: b"<</EF <<>> /RF <</F [(a) 8 0 R]>>>>", **file}),
        "as a related file, indirect": written(
            {7: b"<</RF 9 0 R>>", 9: b"<</UF 10 0 R>>", 10: b"[(a) 8 0 R]", **file}
        ),
        "of no name": written({8: packed(eicar(), _TYPED)}),
        "by an escaped name": written({8: packed(eicar(), b"/Type /Embedded#46ile")}),
        "as an associated file": written(
            {3: _PAGE[3][:-2] + b"/AF [7 0 R]>>", 7: b"<</EF <</F 8 0 R>>>>", **file}
        ),
        "as a sound": written({7: b"<</Subtype /Sound /Rect [0 0 9 9] /Sound 8 0 R>>", **file}),
        "as LibreOffice's own": written(file, trailer=b" /AdditionalStreams [/text#2Fplain 8 0 R]"),
        "in a zip at its end": written({8: stream(zipped)}),
        "in a zip at its end, and space": written({8: stream(zipped)}) + b"\n \n",
    }


def hidden_virus() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes) of PDFs in which EICAR is to be found."""
    return {
        **{f"eicar in pdf {label}": (PDF, data) for label, data in _in_places().items()},
        **{f"eicar in pdf before {label}": (PDF, data) for label, data in _replaced().items()},
    }


def _locked(file: bytes, change: Mapping[bytes, bytes] = MappingProxyType({})) -> bytes:
    """A PDF with a file that opens without a password, and then some of its words replaced."""
    data = pdf(
        lambda document: document.attachments.update({"a": file}),
        encryption=pikepdf.Encryption(owner="o", user=""),
        compress_streams=False,
    )
    for old, new in change.items():
        assert len(old) == len(new)
        assert old in data
        data = data.replace(old, new)
    return data


def _packed_objects(count: int, each: bytes) -> bytes:
    """Objects in a stream that no table names, or all of them in one entry."""
    heads = b"".join(b"%d 0 " % (20 + number) for number in range(count))
    entries = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (count, len(heads))
    return stream(zlib.compress(heads + each), entries)


def swollen(each: bytes) -> bytes:
    """One object packed twice, in a PDF of less than a KiB, with the table that names it."""
    data = zlib.compress(zlib.compress(b"8 0 " + each, 9), 9)
    entries = b"/Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode]"
    objects = {**_PAGE, 7: stream(data, entries)}
    made, offsets = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        offsets[number] = len(made)
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(
        b"\1%b\0" % offsets.get(number, len(made)).to_bytes(3, "big") for number in (1, 2, 3, 7)
    )
    rows += b"\2\0\0\7\0" + b"\1%b\0" % len(made).to_bytes(3, "big")
    table = b"/Type /XRef /Size 10 /Root 1 0 R /W [1 3 1] /Index [1 3 7 3]"
    at = len(made)
    made += b"9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(rows, table), at)
    return bytes(made)


def _locked_ones() -> dict[str, tuple[bytes, str]]:
    """What nobody here has the key to."""
    crypt = b"/Filter [/Crypt] /DecodeParms [<</Name /StdCF>>]"
    return {
        "encrypted payload": (
            written({7: b"<</EP <</Subtype /X>> /EF <</F 8 0 R>>>>", 8: stream(b"secret")}),
            "encrypted",
        ),
        "file of its own encryption": (
            written({**with_file(b""), 8: stream(b"secret", crypt)}),
            "encrypted",
        ),
        "pdf locked by certificates": (_locked(eicar(), {b"/Standard": b"/AdobePub"}), "encrypted"),
        "pdf locked by an unknown cipher": (_locked(eicar(), {b"/AESV3": b"/AESV9"}), "encrypted"),
        "pdf locked by no filter that is there": (
            _locked(eicar(), {b"/StmF /StdCF": b"/StmF /NoneX"}),
            "encrypted",
        ),
        "pdf whose files alone are locked": (
            _locked(
                eicar(), {b"/StmF /StdCF": b"/StmF  /None", b"/EmbeddedFile ": b"/EmbeddedFilx "}
            ),
            "encrypted",
        ),
    }


def refused() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason) of PDFs that are not clean wherever it stands."""
    action = {1: _PAGE[1][:-2] + b"/OpenAction 7 0 R>>", 7: _SCRIPT}
    orphan = b"30 0 obj\n%s\nendobj\n"
    found = {
        "script in an earlier revision": (revised(written(action), {7: b"null"}), "active-content"),
        "script that no table names": (written({}, hidden=orphan % _SCRIPT), "malformed-file"),
        "script in an attached pdf as it is": (
            attached([], script_pdf(pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="a()"))),
            "active-content",
        ),
        "script behind a comment": (
            written({}, hidden=b"30 %%\n 0 %%\nobj\n%s\nendobj\n" % _SCRIPT),
            "malformed-file",
        ),
        "file that no table names": (
            written({}, hidden=orphan % packed(eicar(), _TYPED)),
            "malformed-file",
        ),
        "packed objects that no table names": (
            written({7: _packed_objects(1, _SCRIPT)}),
            "malformed-file",
        ),
        **_locked_ones(),
        "rar in a stream": (
            written({8: stream(b"Rar!\x1a\x07\1\0" + bytes(90))}),
            "unknown-packing",
        ),
        "7z in a stream": (
            written({8: stream(b"7z\xbc\xaf\x27\x1c\0\4" + bytes(90))}),
            "unknown-packing",
        ),
        "swollen dictionaries": (swollen(b"[/EF" + b"<</A<<>>>>" * 150_000 + b"]"), "bomb"),
        "swollen more": (swollen(b"[" + b"<</A<</B 1>>>>" * 1_000_000 + b"]"), "bomb"),
    }
    return {label: (PDF, *one) for label, one in found.items()}


def _named_like_files() -> bytes:
    return written(
        {
            3: _PAGE[3][:-2] + b"/Resources <</XObject <</Sound 7 0 R /EF 7 0 R /EP 7 0 R>> "
            b"/Font <</RF <</Type /Font /Subtype /Type3 /X 7 0 R>>>>>>>>",
            7: stream(b"\xff\xd8", b"/Subtype /Image /Filter /DCTDecode"),
        }
    )


def honest() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes) of PDFs that carry files and revisions as many do."""
    document, scripted = (
        word(),
        script_pdf(pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")),
    )
    filled = revised(written({7: b"<</T (name) /V ()>>"}), {7: b"<</T (name) /V (Ada)>>"})
    files = {
        "docx as it is": attached([], document),
        "docx packed": pdf(lambda each: each.attachments.update({"a.docx": document})),
        "xlsx and odt as they are": written(
            {
                7: stream(office(DOCX, "word/document.xml"), _TYPED),
                8: stream(opendocument("application/vnd.oasis.opendocument.text"), _TYPED),
            }
        ),
        "text that shows a script as it is": attached([], scripted.replace(b"%PDF-", b"%TXT-")),
        "words about objects": written({7: stream(b"9 0 obj << /EFG /JSON >> endobj, PK\5\6")}),
        "a picture and a font named like files": _named_like_files(),
        "a filled form": filled,
        "a form filled again": revised(filled, {7: b"<</T (name) /V (Bea)>>"}),
        "another file than before": revised(
            written(with_file(b"a", _TYPED)), {8: stream(b"b", _TYPED)}
        ),
        "no file any more": revised(written(with_file(b"a", _TYPED)), {7: b"null", 8: b"null"}),
        "a password for its owner alone": _locked(b"text"),
        "a file of no encryption": written(
            {
                **with_file(b""),
                8: stream(b"text", b"/Filter /Crypt /DecodeParms <</Name /Identity>>"),
            }
        ),
        "linearized": pdf(lambda each: each.attachments.update({"a": b"b"}), linearize=True),
        "packed objects": pdf(
            lambda each: each.attachments.update({"a": b"b"}),
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        ),
    }
    return {f"pdf with {label}": (PDF, data) for label, data in files.items()}
