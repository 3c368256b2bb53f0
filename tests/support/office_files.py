"""Office documents that say something, small and written by hand: for programs that draw them."""

from __future__ import annotations

import io
import zipfile

from tests.support.samples import docx_file, zip_of

OOXML = "application/vnd.openxmlformats-officedocument."
DOCX = OOXML + "wordprocessingml.document"
XLSX = OOXML + "spreadsheetml.sheet"
ODP = "application/vnd.oasis.opendocument.presentation"

_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns:"


def workbook() -> bytes:
    """One sheet, a cell of text and one of a number."""
    return zip_of(
        {
            "[Content_Types].xml": (
                f'<Types xmlns="{_PACKAGE}content-types">'
                '<Default Extension="rels" '
                'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{XLSX}.main+xml"/>'
                '<Override PartName="/xl/worksheets/sheet1.xml" '
                f'ContentType="{OOXML}spreadsheetml.worksheet+xml"/></Types>'
            ).encode(),
            "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
            "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
            "xl/workbook.xml": (
                f'<workbook xmlns="{_SHEET}" xmlns:r="{_RELATIONS}"><sheets>'
                '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>'
            ).encode(),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{_SHEET}"><sheetData><row r="1">'
                '<c r="A1" t="inlineStr"><is><t>Income</t></is></c><c r="B1"><v>1234</v></c>'
                "</row></sheetData></worksheet>"
            ).encode(),
        }
    )


def _relations(kind: str, target: str) -> bytes:
    return (
        f'<Relationships xmlns="{_PACKAGE}relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/{kind}" Target="{target}"/></Relationships>'
    ).encode()


def slides(colours: tuple[str, ...], more: str = "") -> bytes:
    """A presentation with one full page of each colour, and `more` drawn on the last of them."""
    pages = [
        '<draw:page draw:name="p"><draw:rect svg:x="0cm" svg:y="0cm" svg:width="28cm" '
        f'svg:height="21cm" draw:style-name="s{at}"/>{more if at == len(colours) - 1 else ""}'
        "</draw:page>"
        for at in range(len(colours))
    ]
    styles = [
        f'<style:style style:name="s{at}" style:family="graphic"><style:graphic-properties '
        f'draw:fill="solid" draw:fill-color="{colour}" draw:stroke="none"/></style:style>'
        for at, colour in enumerate(colours)
    ]
    names = " ".join(
        f'xmlns:{short}="{_ODF}{name}:1.0"'
        for short, name in (
            *(("office", "office"), ("style", "style"), ("draw", "drawing")),
            *(("svg", "svg-compatible"), ("table", "table"), ("text", "text")),
        )
    )
    content = (
        f'<office:document-content {names} xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'office:version="1.3"><office:automatic-styles>{"".join(styles)}'
        f"</office:automatic-styles><office:body><office:presentation>{''.join(pages)}"
        "</office:presentation></office:body></office:document-content>"
    )
    manifest = (
        f'<m:manifest xmlns:m="{_ODF}manifest:1.0" m:version="1.3">'
        f'<m:file-entry m:full-path="/" m:media-type="{ODP}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", ODP, zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return out.getvalue()


def linked_slides(url: str, file: str) -> bytes:
    """A presentation that shows a picture of elsewhere, a file of the host, and an object there."""
    shows = (
        '<draw:frame svg:x="1cm" svg:y="1cm" svg:width="5cm" svg:height="5cm"><draw:{} '
        'xlink:href="{}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/>'
        "</draw:frame>"
    )
    places = (("image", f"{url}/a.png"), ("object", f"{url}/b.ods"), ("image", f"file://{file}"))
    return slides(("#ffffff",), "".join(shows.format(*place) for place in places))


def letter() -> bytes:
    """A Word document with a heading, paragraphs and a table."""
    return docx_file()


def endless_letter(paragraphs: int = 60_000) -> bytes:
    """A Word document that takes long, and little room."""
    package = letter()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "word/document.xml":
                begin = data.index(b"<w:p>")
                more = b"<w:p><w:r><w:t>again and again</w:t></w:r></w:p>" * paragraphs
                data = data[:begin] + more + data[begin:]
            new.writestr(entry.filename, data)
    return out.getvalue()
