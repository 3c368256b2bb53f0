"""What is written beside or before the real thing hides nothing: names, codings, pieces."""

from __future__ import annotations

import io

import pytest

from tests.support.benign_files import DOCX, ODF, opendocument, with_members, word
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure
from workers.inspection.checks.xmlparts import Looks, looks_like

ODT, ODS, ODP = (ODF + kind for kind in ("text", "spreadsheet", "presentation"))
_SPACES = 'xmlns:office="o" xmlns:draw="d" xmlns:table="b" xmlns:xlink="x" xmlns:z="z" xmlns:p="p"'
_FIELD = '<w:fldSimple w:instr="DDEAUTO c:\\\\a b" {}/>'
_TYPE = (
    '<Types><Override PartName="/{}" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/>{}</Types>'
)


def _found(media_type: str, data: bytes) -> dict[str, object]:
    options = {**Limits().options(), "type": media_type}
    return cell_structure.run(io.BytesIO(data), options)[0]


def _open(kind: str, body: str) -> tuple[str, bytes]:
    text = f"<office:document-content {_SPACES}>{body}</office:document-content>"
    return kind, with_members(opendocument(kind), {"content.xml": text.encode()})


def _main(attributes: str) -> str:
    return f'<w:document xmlns:w="w" xmlns:z="z">{_FIELD.format(attributes)}</w:document>'


def _document(attributes: str) -> tuple[str, bytes]:
    return DOCX, with_members(word(), {"word/document.xml": _main(attributes).encode()})


def _related(attributes: str) -> tuple[str, bytes]:
    text = f'<Relationships xmlns:z="z"><Relationship Id="a" {attributes}/></Relationships>'
    return DOCX, with_members(word(), {"word/_rels/x.rels": text.encode()})


def _named(name: str, content: bytes, more: str = "") -> tuple[str, bytes]:
    """A document whose main part has this name, which its type alone says is XML."""
    types = _TYPE.format(name, more).encode()
    return DOCX, with_members(word(), {"[Content_Types].xml": types, name: content})


def _pieces(name: str, text: str) -> tuple[str, bytes]:
    """A document with a part that is interleaved with others."""
    pieces = {f"{name}/[0].piece": text[:9].encode(), f"{name}/[1].last.piece": text[9:].encode()}
    return DOCX, with_members(word(), pieces)


PICTURE = 'Type="http://x/image" Target="http://a.example/x.png" TargetMode="External"'
MAIN = _main("")
SHADOWED = {
    "picture": _open(ODT, '<draw:image xlink:href="http://a.example/x" z:href="Pictures/x"/>'),
    "picture before": _open(ODT, '<draw:image z:href="Pictures/x" xlink:href="http://a.example/x"/>'),
    "formula": _open(ODS, '<table:table-cell table:formula="of:=DDE(1;2;3)" z:formula="of:=1"/>'),
    "macro": _open(ODT, '<draw:a xlink:href="vnd.sun.star.script:a" z:href="#a"/>'),
    "command": _open(ODT, '<draw:a xlink:href=".uno:Quit"/>'),
    "field": _document('z:instr="PAGE"'),
    "target": _related(PICTURE + ' z:Target="media/x.png" z:TargetMode="Internal"'),
    "kind": _related(PICTURE + ' z:Type="http://x/hyperlink"'),
    "utf-8 and a line": _named("word/document.foo", b"\xef\xbb\xbf\n" + MAIN.encode()),
    "utf-16 and a line": _named("word/document.foo", f"\ufeff\n{MAIN}".encode("utf-16-le")),
    "utf-16 in vml": _named("word/document.vml", MAIN.encode("utf-16")),
    "utf-32": _named("word/document.foo", MAIN.encode("utf-32")),
    "pieces": _pieces("word/_rels/document.xml.rels", f"<Relationships {PICTURE}/>"),
    "ebcdic": _named("word/document.foo", f'<?xml encoding="cp037"?>{MAIN}'.encode("cp037")),
}  # fmt: skip


@pytest.mark.parametrize("label", SHADOWED)
def test_what_stands_beside_the_real_thing_does_not_hide_it(label: str) -> None:
    assert _found(*SHADOWED[label])["reason"] in {"active-content", "malformed-file"}


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf\n<a/>", " <?xml ?>".encode("utf-16")])
def test_a_part_is_known_in_however_small_pieces(content: bytes) -> None:
    """A packed stream may unpack to a single byte first, or to none."""
    looks, _, whole = looks_like(iter([b"", *(bytes([one]) for one in content)]))
    assert (looks, b"".join(whole)) == (Looks.XML, content)


_MACROS = '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.macroEnabled"/>'
_BOTH = _TYPE.format("word/document.xml", _MACROS).encode()
HONEST = {
    "names in two namespaces": _open(ODT, '<draw:a draw:name="a" table:name="b" name="c"/>'),
    "one address twice": _open(ODT, '<draw:a xlink:href="#a" z:href="#a"/>'),
    "pages turned": _open(ODP, '<p:event-listener p:action="next-page"/>'),
    "an ending that no part has": (DOCX, with_members(word(), {"[Content_Types].xml": _BOTH})),
}


@pytest.mark.parametrize("label", HONEST)
def test_honest_ones_that_look_alike_are_clean(label: str) -> None:
    assert _found(*HONEST[label]) == {"outcome": "clean"}


def test_an_ending_that_a_part_has_counts() -> None:
    package = with_members(word(), {"[Content_Types].xml": _BOTH, "word/a.bin": b"x"})
    assert _found(DOCX, package)["reason"] == "active-content"


@pytest.mark.parametrize("more", ['p:action="execute"', 'p:action="show" xlink:href="a.odp"', ""])
def test_other_listeners_act(more: str) -> None:
    assert _found(*_open(ODP, f"<p:event-listener {more}/>"))["reason"] == "active-content"


def test_an_encrypted_opendocument_is_encrypted_and_not_damaged() -> None:
    """LibreOffice writes the manifest last, which alone says so."""
    said = b"<manifest><file-entry><encryption-data/></file-entry></manifest>"
    members = {"content.xml": b"\x9d\x01 sealed", "META-INF/manifest.xml": said}
    found = _found(ODT, with_members(opendocument(ODT), members))
    assert found["reason"] == "encrypted"


def _field(body: str) -> tuple[str, bytes]:
    text = f'<w:document xmlns:w="w" xmlns:z="z" xmlns:x="x">{body}</w:document>'
    return DOCX, with_members(word(), {"word/document.xml": text.encode()})


@pytest.mark.parametrize(
    "body",
    [
        "<w:instrText><z:x/>DDEAUTO c:\\\\a b</w:instrText>",
        "<w:instrText>DDE<z:x/>AUTO c:\\\\a b</w:instrText>",
        "<w:f><z:x/>cmd|'/c a'!A0</w:f>",
        "<w:f>cmd<z:x/>|'/c a'!A0</w:f>",
        "<w:formula1><z:f/>cmd|'/c a'!A0</w:formula1>",
        "<w:f><z:f>1</z:f>cmd|'/c a'!A0</w:f>",
        "<w:f><z:f/><z:x/>cmd|'/c a'!A0</w:f>",
        "<w:f><z:f><z:f/></z:f>cmd|'/c a'!A0</w:f>",
        "<w:f><z:x><z:f><z:y/></z:f></z:x>cmd|'/c a'!A0</w:f>",
    ],
)
def test_elements_in_formulas_and_fields_hide_nothing(body: str) -> None:
    """Programs pass over elements that a document calls ignorable, and read what is around them."""
    assert _found(*_field(body))["outcome"] == "unscannable"


def test_formulas_of_extensions_and_fractions_have_elements() -> None:
    fraction = "<w:f> <w:num><w:f><w:num>1</w:num><w:den>2</w:den></w:f> <w:r/></w:num> </w:f>"
    body = f"<w:formula1> <x:f>A1:A3</x:f> </w:formula1>{fraction} text <w:t>text</w:t> text"
    assert _found(*_field(body)) == {"outcome": "clean"}
