"""Documents that act, load or start something by themselves, and honest ones that look alike."""

from __future__ import annotations

import pikepdf

from tests.support.benign_files import (
    DOCX,
    ODF,
    OOXML,
    XLSX,
    office,
    opendocument,
    pack,
    pdf,
    with_members,
    word,
)
from tests.support.hostile_files import OLE, relationships, script_pdf
from tests.support.ole_files import compound

ODT, ODS, PPTX = ODF + "text", ODF + "spreadsheet", OOXML + "presentationml.presentation"
ZIP, PDF = "application/zip", "application/pdf"
PROGRAM = compound({"\x01Ole10Native": b"x"})
RTF = rb"{\rtf1{\object\objemb{\*\objdata 01}}}"

Files = dict[str, tuple[str, bytes]]


def _document(body: str) -> tuple[str, bytes]:
    text = f'<w:document xmlns:w="urn:w" xmlns:v="urn:v" xmlns:r="urn:r">{body}</w:document>'
    return DOCX, with_members(word(), {"word/document.xml": text.encode()})


def _part(kind: str, name: str, content: str) -> tuple[str, bytes]:
    main = {DOCX: "word/document.xml", XLSX: "xl/workbook.xml", PPTX: "ppt/presentation.xml"}[kind]
    return kind, with_members(office(kind, main), {name: content.encode()})


def _related(kind: str, target: str) -> tuple[str, bytes]:
    return DOCX, with_members(word(), {"word/_rels/x.rels": relationships(kind, target)})


def _open(body: str, part: str = "content.xml", kind: str = ODT) -> tuple[str, bytes]:
    text = (
        '<?xml version="1.0"?><office:document-content xmlns:office="o" xmlns:text="t" '
        'xmlns:draw="d" xmlns:table="b" xmlns:meta="m" xmlns:style="s" xmlns:form="f" '
        f'xmlns:chart="c" xmlns:xlink="x">{body}</office:document-content>'
    )
    return kind, with_members(opendocument(kind), {part: text.encode()})


def _field(*runs: str) -> str:
    """A field as Word writes it: marks of its parts, and runs between them."""
    return _mark("begin") + "".join(runs) + _mark("separate") + _mark("end")


def _mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _run(text: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve">{text}</w:instrText></w:r>'


def _formula(text: str) -> tuple[str, bytes]:
    cells = f"<worksheet><c><f>{text}</f><v>1</v></c></worksheet>"
    return _part(XLSX, "xl/worksheets/sheet1.xml", cells)


def _connection(attributes: str, inner: str = "") -> tuple[str, bytes]:
    text = f'<connections><connection id="1" {attributes}>{inner}</connection></connections>'
    return _part(XLSX, "xl/connections.xml", text)


def _slide(body: str) -> tuple[str, bytes]:
    return _part(PPTX, "ppt/slides/slide1.xml", f'<p:sld xmlns:p="p" xmlns:r="r">{body}</p:sld>')


def macros() -> bytes:
    """A document with macros, as it is in no type that is accepted."""
    return with_members(word(), {"word/vbaProject.bin": OLE})


def fields() -> Files:
    """Word documents whose fields reach for a program or a file."""
    letters = "QUOTE 68 68 69 65 85 84 79"
    instructions = {
        "include of a picture": _field(_run(' INCLUDEPICTURE "http://127.0.0.1:9/x" \\d ')),
        "include in runs": _field(_run(" INCLUDE"), _run("PICTURE "), _run("http://127.0.0.1:9/")),
        "include of a text": '<w:fldSimple w:instr="INCLUDETEXT \\\\host\\x.docx"/>',
        "include that is deleted": _field("<w:delInstrText> INCLUDETEXT x </w:delInstrText>"),
        "link of objects": _field(_run("LINK Excel.Sheet.8 http://127.0.0.1:9/x")),
        "dde with a space of its own": _field(_run("DDEAUTO"), _run(" "), _run("c:\\\\x")),
        "quoted dde": _field(_run(' SET c "'), _field(_run(letters)), _run('"')),
        "quoted dde in a simple field": _field(f'<w:fldSimple w:instr="{letters}"/>', _run(" c")),
        "quoted include": _field(_field(_run("QUOTE 73 78 67")), _run("LUDETEXT x")),
        "link to a program": _field(_run(' HYPERLINK \\o "tip" "file:///c:/x.exe" ')),
        "link to a search": _field(_run(" HYPERLINK search-ms:query=x ")),
    }
    return {label: _document(body) for label, body in instructions.items()}


_RIBBON = '<customUI xmlns="u" onLoad="x"/>'
_BUTTON = '<customUI xmlns="u"><ribbon><button id="a" onAction="x"/></ribbon></customUI>'
_MOVED = '<w:document xmlns:w="w"><w:instrText>DDEAUTO x</w:instrText></w:document>'
_PANES = (
    '<taskpanes xmlns:r="r"><taskpane dockstate="right" visibility="{}">'
    '<webextensionref r:id="a"/></taskpane></taskpanes>'
)
_TWINS = with_members(word(), {"word/document.xml": _MOVED.encode(), "word/Document.xml": b"<a/>"})
_OFFICE: Files = {
    "other main part": _part(DOCX, "else/where.dat", _MOVED),
    "part in other letters": (DOCX, _TWINS),
    "alternative chunk": _document('<w:altChunk r:id="a"/>'),
    "external chunk": _related("aFChunk", "http://127.0.0.1:9/x"),
    "link to a file": _related("hyperlink", "file:///c:/x.exe"),
    "link to a share": _related("hyperlink", "\\\\host\\x"),
    "link in escapes": _related("hyperlink", "%5c%5chost/x"),
    "link to a script": _related("hyperlink", " java&#9;script:alert(1)"),
    "link to a search": _related("hyperlink", "search-ms:query=x"),
    "hidden target": (
        DOCX,
        with_members(
            word(),
            {
                "word/_rels/x.rels": relationships("attachedTemplate").replace(
                    b'TargetMode="External"', b""
                )
            },
        ),
    ),
    "picture in vml": _document('<v:imagedata src="http://127.0.0.1:9/x"/>'),
    "picture in bad vml": _part(DOCX, "word/a.vml", '<xml><br><v:imagedata src="//host/x">'),
    "query of mail": _document("<w:mailMerge><w:connectString/></w:mailMerge>"),
    "embedded macros": (DOCX, with_members(word(), {"word/embeddings/a.docm": macros()})),
    "embedded rtf": (DOCX, with_members(word(), {"word/embeddings/a.bin": RTF})),
    "old macros": (
        DOCX,
        with_members(word(), {"word/a.doc": OLE + "_vba_project".encode("utf-16-le")}),
    ),
    "web query": _connection("", '<webPr url="http://127.0.0.1:9/x"/>'),
    "refreshing connection": _connection('refreshOnLoad="1"'),
    "connection by the clock": _connection('interval="5"'),
    "refreshing query": _part(XLSX, "xl/q.xml", '<queryTable refreshOnLoad="true"/>'),
    "refreshing cache": _part(
        XLSX,
        "xl/p.xml",
        '<pivotCacheDefinition refreshOnLoad="1"><cacheSource type="external"/>'
        "</pivotCacheDefinition>",
    ),
    "ole link": _part(XLSX, "xl/e.xml", "<externalLink><oleLink/></externalLink>"),
    "dde link": _part(XLSX, "xl/e.xml", "<externalLink><ddeLink/></externalLink>"),
    "dde formula": _formula("cmd|'/c calc'!A0"),
    "fetching formula": _formula("_xlfn.WEBSERVICE(&quot;http://127.0.0.1:9&quot;)"),
    "dde in a name": _part(XLSX, "xl/w.xml", "<a><definedName>x|y!z</definedName></a>"),
    "ribbon": _part(XLSX, "customUI/customUI.xml", _RIBBON),
    "button of a ribbon": _part(DOCX, "customUI/customUI14.xml", _BUTTON),
    "program by a click": _slide('<p:hlinkClick r:id="a" action="ppaction://program"/>'),
    "macro by a click": _slide('<p:hlinkClick r:id="" action="ppaction://macro?name=x"/>'),
    "link without a click": _slide('<p:hlinkMouseOver r:id="a"/>'),
    "pane of the web": _part(DOCX, "word/webextensions/taskpanes.xml", _PANES.format("1")),
    "pane that comes by itself": _part(
        DOCX,
        "word/webextensions/webextension1.xml",
        '<webextension id="a"><properties><property name="Office.AutoShowTaskpaneWithDocument" '
        'value="true"/></properties></webextension>',
    ),
    "page of the web": _slide(
        '<p:graphicFrame><we:webextensionref xmlns:we="w" r:id="a"/></p:graphicFrame>'
    ),
    "object that starts": _slide('<p:cmd type="verb" cmd="0"/>'),
}
"""Office documents that load or start something."""


_IMAGE = '<draw:image xlink:href="{}"/>'.format
_OPEN: Files = {
    "packed program": (ODT, with_members(opendocument(ODT), {"Object 1": PROGRAM})),
    "dde section": _open('<text:section><office:dde-source office:dde-item="y"/></text:section>'),
    "dde field": _open('<text:dde-connection text:connection-name="a"/>'),
    "picture of the web": _open(_IMAGE("http://127.0.0.1:9/x")),
    "picture of a share": _open(_IMAGE("file://host/x")),
    "picture of a host": _open(_IMAGE("//host/x")),
    "picture of a path": _open(_IMAGE("/etc/x.png")),
    "picture beside it": _open(_IMAGE("Pictures/../../x.png")),
    "frame": _open('<draw:floating-frame xlink:href="http://127.0.0.1:9/x"/>'),
    "section": _open('<text:section-source xlink:href="../x.odt"/>'),
    "object": _open('<draw:object xlink:href="http://127.0.0.1:9/x"/>'),
    "object of a program": _open('<draw:object-ole xlink:href="http://127.0.0.1:9/x"/>'),
    "object in letters": _open(
        "<draw:object-ole><office:binary-data>0M8R</office:binary-data></draw:object-ole>"
    ),
    "plug-in": _open('<draw:plugin xlink:href="http://127.0.0.1:9/x"/>'),
    "applet": _open('<draw:applet draw:code="x"/>'),
    "picture of a style": _open(
        '<style:background-image xlink:href="http://127.0.0.1:9/x"/>', "styles.xml"
    ),
    "in settings": _open('<draw:image xlink:href="http://127.0.0.1:9/x"/>', "settings.xml"),
    "flat document": _open(_IMAGE("http://127.0.0.1:9/x"), "Object 1"),
    "template of the web": _open('<meta:template xlink:href="http://h/x.ott"/>', "meta.xml"),
    "template of a host": _open('<meta:template xlink:href="file:////h/x.ott"/>', "meta.xml"),
    "reload": _open('<meta:auto-reload xlink:href="http://127.0.0.1:9/x"/>', "meta.xml"),
    "link to a file": _open('<text:a xlink:href="file:///c:/x.exe">x</text:a>'),
    "link to a macro": _open('<text:a xlink:href="Macro:///x.y.z()">x</text:a>'),
    "linked table": _open('<table:table-source xlink:href="http://h/x.ods"/>', kind=ODS),
    "dde formula": _open('<table:table-cell table:formula="of:=DDE(&quot;a&quot;)"/>', kind=ODS),
    "formula of a file": _open(
        "<table:table-cell table:formula=\"of:=['file:///h/x.ods'#$A.A1]\"/>", kind=ODS
    ),
}
"""OpenDocuments that load or start something."""


def nested() -> Files:
    """Archives and documents with an active document in them."""
    script = script_pdf(pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)"))
    dde = fields()["link of objects"][1]
    inner = {
        "macros": macros(),
        "fields": dde,
        "packed program": with_members(word(), {"word/embeddings/o.bin": PROGRAM}),
        "macros without a name": with_members(opendocument(ODT), {"Basic/a.xml": b"<a/>"}),
        "open document": _OPEN["picture of the web"][1],
        "old document": PROGRAM,
        "rtf": RTF,
        "rtf behind spaces": b"\r\n " + RTF,
        "pdf": script,
        "pdf that begins late": b"\n" * 9 + script,
        "document behind other bytes": b"MZ" + bytes(99) + macros(),
    }
    found = {f"{label} in a zip": (ZIP, pack({"a.txt": data})) for label, data in inner.items()}
    found |= {
        f"{label} attached": (
            PDF,
            pdf(lambda made, data=data: made.attachments.update({"a": data})),
        )
        for label, data in inner.items()
    }
    deep = pack({"b": pack({"a": macros()})})
    mixed = with_members(macros(), {"xl/a.xml": b"<a/>"})
    return {**found, "macros in two zips": (ZIP, deep), "document as a zip": (ZIP, mixed)}


def hostile() -> Files:
    kinds = {"field": fields(), "office": _OFFICE, "open": _OPEN, "nested": nested()}
    return {f"{kind}: {each}": one for kind, files in kinds.items() for each, one in files.items()}


_NUMBERS = "IF(A1&gt;1,&quot;a|b&quot;,'x|y'!B2)+SUM({1,2;3,4})"
_LINKS = '<text:a xlink:href="{}">x</text:a>'.format
_ARCHIVE = pack(
    {"a.docx": word(), "b.odt": opendocument(ODT), "c.pdf": pdf(), "d.sh": b"#!/bin/sh"}
)
_BOOK = pack({"mimetype": b"application/epub+zip", "a.xhtml": b"<!DOCTYPE html><html>&nbsp;"})
HONEST: Files = {
    "documents in a zip": (ZIP, _ARCHIVE),
    "book in a zip": (ZIP, pack({"a.epub": _BOOK})),
    "rtf in a zip": (ZIP, pack({"a.rtf": rb"{\rtf1 Text}", "b.doc": compound({"a": b"x"})})),
    "link to the web": _document(_field(_run(' HYPERLINK "https://example.org/dde" \\o "a" '))),
    "link within": _document(_field(_run(' HYPERLINK \\l "file:a" '))),
    "very many spaces": _document(_field(_run("QUOTE" + " " * 100_000 + "x"))),
    "very many spaces in vml": _part(DOCX, "word/a.vml", "<x><br src=" + " " * 100_000),
    "contents": _document(_field(_run(" TOC \\o "), _field(_run(" PAGEREF a \\h ")))),
    "merged": _document('<w:fldSimple w:instr=" MERGEFIELD Link "/>'),
    "mail": _related("hyperlink", "mailto:a@example.org?subject=x"),
    "neighbour": _related("hyperlink", "../x/other.docx#a"),
    "formula": _formula(_NUMBERS),
    "pivot": _part(
        XLSX,
        "xl/p.xml",
        '<pivotCacheDefinition refreshOnLoad="1"><cacheSource type="worksheet"/>'
        "</pivotCacheDefinition>",
    ),
    "connection": _connection('interval="0" type="5"', "<dbPr connection='x'/>"),
    "ribbon without a call": _part(XLSX, "customUI/c.xml", '<customUI xmlns="u"><a/></customUI>'),
    "next slide": _slide(
        '<p:hlinkClick r:id="" action="ppaction://hlinkshowjump?jump=nextslide"/>'
        '<p:cmd type="call" cmd="playFrom(0.0)"/>'
    ),
    "hidden pane": _part(DOCX, "word/webextensions/taskpanes.xml", _PANES.format("0")),
    "vml": _part(DOCX, "word/a.vml", '<xml><br><v:imagedata o:relid="rId1" src="">'),
    "fraction": _document("<w:f><w:num><w:t>|x|</w:t></w:num></w:f>"),
    "open links": _open(_LINKS("https://example.org/") + _LINKS("#a") + _LINKS("../b.odt")),
    "open pictures": _open(_IMAGE("Pictures/a.png") + _IMAGE("./b") + _IMAGE("data:,x")),
    "open object": _open('<draw:object xlink:href="./Object 1"/><draw:plugin xlink:href="M/a"/>'),
    "open chart": _open('<chart:chart xlink:href=".."/>', "Object 1/content.xml"),
    "open template": _open(
        '<meta:template xlink:href="file:///C:/a.ott"/><meta:template xlink:href="../a.ott"/>',
        "meta.xml",
    ),
    "open formula": _open(
        '<table:table-cell table:formula="of:=SUM({1;2|3;4})+[$&apos;a b&apos;.A1]"/>', kind=ODS
    ),
    "open commands": _open('<draw:item xlink:href=".uno:Save"/>', "Configurations2/a/b.xml"),
}
"""What looks like it and must stay clean."""
