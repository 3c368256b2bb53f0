"""Office documents that name files on the reader's own disk, honestly and not so."""

from __future__ import annotations

from tests.support.benign_files import DOCX, OOXML, XLSX, office, with_members, word
from tests.support.hostile_files import relationships

Files = dict[str, tuple[str, bytes]]

_NORMAL = r"file:///C:\Users\me\AppData\Roaming\Microsoft\Templates\Normal.dotm"
_SETTINGS = '<w:settings xmlns:w="w" xmlns:r="r"><w:attachedTemplate r:id="a"/>{}</w:settings>'
_RELS = "word/_rels/settings.xml.rels"


def _templated(target: str = _NORMAL, settings: str = _SETTINGS.format("")) -> tuple[str, bytes]:
    parts = {
        "word/settings.xml": settings.encode(),
        _RELS: relationships("attachedTemplate", target),
    }
    return DOCX, with_members(word(), parts)


def _moved(name: str, content: str, rels: str) -> tuple[str, bytes]:
    """A template's relationship of another part than settings."""
    return DOCX, with_members(
        word(), {name: content.encode(), rels: relationships("attachedTemplate", _NORMAL)}
    )


def _noted_twice(kind: str) -> tuple[str, bytes]:
    first, second = relationships("attachedTemplate", _NORMAL), relationships(kind, _NORMAL)
    both = first.replace(b"</Relationships>", b"") + second.partition(b'"urn:r">')[2]
    media_type, data = _templated()
    return media_type, with_members(data, {_RELS: both})


def _based() -> tuple[str, bytes]:
    """A name beside the document, but the relationships say beside what (XML Base, section 3)."""
    media_type, data = _templated()
    rels = relationships("attachedTemplate", "Normal.dotm")
    based = rels.replace(b"Relationships ", b'Relationships xml:base="http://127.0.0.1:9/" ', 1)
    return media_type, with_members(data, {_RELS: based})


def templates() -> Files:
    """Documents with a template from elsewhere, or whose template's place is used otherwise."""
    link = '<w:hyperlink r:id="{}"/>'.format
    other = '<w:document xmlns:w="w" xmlns:r="r">{}</w:document>'.format
    return {
        "template of a share": _templated(r"\\host\share\x.dotm"),
        "template of a host": _templated("file://host/x.dotm"),
        "template of a host in four slashes": _templated("file:////host/x.dotm"),
        "template of a share in a path": _templated(r"file:///\\host\x.dotm"),
        "template in escapes": _templated("file:///%5C%5Chost/x.dotm"),
        "template followed by a link": _templated(settings=_SETTINGS.format(link("a"))),
        "template followed in spaces": _templated(settings=_SETTINGS.format(link(" a "))),
        "template followed behind another id": _templated(
            settings=_SETTINGS.format('<w:hyperlink id="b" r:id="a"/>')
        ),
        "template in a drawing": _templated(
            settings=_SETTINGS.format('<v:imagedata xmlns:v="v" r:href="a"/>')
        ),
        "template of a document": _templated(settings=other('<w:attachedTemplate r:id="a"/>')),
        "template of the main part": _moved(
            "word/document.xml", other(link("a")), "word/_rels/document.xml.rels"
        ),
        "template of bad vml": _moved(
            "word/a.vml", '<xml><br><v:imagedata r:href="a">', "word/_rels/a.vml.rels"
        ),
        "template of no part": _moved("word/b.xml", "<a/>", "word/_rels/c.xml.rels"),
        "template of the package": _moved("word/b.xml", "<a/>", "_rels/x.rels"),
        "template in another folder": _moved("word/b.xml", "<a/>", "word/b.xml.rels"),
        "template followed in other letters": _templated(settings=_SETTINGS.format(link("A"))),
        "template that counts from elsewhere": _based(),
        "object beside a template": _noted_twice("oleObject"),
    }


def _linked(target: str, inner: str = "", kind: str = "externalLinkPath") -> tuple[str, bytes]:
    """A workbook that takes values out of another one."""
    book = inner or '<externalBook r:id="a"><sheetNames><sheetName val="x"/></sheetNames>'
    parts = {
        "xl/externalLinks/externalLink1.xml": f'<externalLink xmlns:r="r">{book}'
        f"{'' if inner else '</externalBook>'}</externalLink>",
        "xl/externalLinks/_rels/externalLink1.xml.rels": relationships(kind, target).decode(),
    }
    encoded = {name: content.encode() for name, content in parts.items()}
    return XLSX, with_members(office(XLSX, "xl/workbook.xml"), encoded)


def _charted(target: str, part: str) -> tuple[str, bytes]:
    """A presentation with a chart of a workbook's data, or an object that is linked so."""
    kind = OOXML + "presentationml.presentation"
    parts = {
        "ppt/charts/chart1.xml": part.encode(),
        "ppt/charts/_rels/chart1.xml.rels": relationships("oleObject", target),
    }
    return kind, with_members(office(kind, "ppt/presentation.xml"), parts)


_CHART = '<c:chartSpace xmlns:c="c" xmlns:r="r">{}</c:chartSpace>'.format
_DATA = _CHART('<c:externalData r:id="a"><c:autoUpdate val="0"/></c:externalData>')
_OBJECT = '<p:oleObj xmlns:p="p" progId="Package" r:id="a"><p:link/></p:oleObj>'


def links() -> Files:
    """Workbooks and charts with data from elsewhere, or that link more than data."""
    path = r"file:///C:\x\Book1.xlsx"
    return {
        "workbook of a share": _linked(r"file:///\\host\x.xlsx"),
        "workbook of the web": _linked("https://127.0.0.1:9/x.xlsx"),
        "dde link": _linked(path, '<ddeLink r:id="a"/>'),
        "ole link": _linked(path, '<oleLink r:id="a"/>', "oleObject"),
        "ole link that calls itself a workbook": _linked(path, '<oleLink r:id="a"/>'),
        "object beside a workbook": _linked(path, '<oleObject r:id="a"/>'),
        "workbook in another part": _linked(path, "", "oleObject"),
        "chart of a share": _charted("//host/x.xlsx", _DATA),
        "object in a chart": _charted(path, _CHART(_OBJECT)),
        "object in place of a chart": _charted(path, _OBJECT),
        "chart in a slide": _charted(path, f'<sld xmlns:r="r">{_DATA}</sld>'),
    }


def shadowed(name: bytes) -> tuple[str, bytes]:
    """A document whose template has another attribute of this name beside its own."""
    media_type, data = _templated()
    rels = relationships("attachedTemplate", _NORMAL)
    beside = b'xmlns:x="x" x:%s="http://127.0.0.1:9/x" %s=' % (name, name)
    return media_type, with_members(data, {_RELS: rels.replace(name + b"=", beside, 1)})


def hostile() -> Files:
    return {f"nearby: {label}": one for label, one in {**templates(), **links()}.items()}


HONEST: Files = {
    "template of the own disk": _templated(),
    "template beside it": _templated("Normal.dotm"),
    "template of a home folder": _templated("file:///Users/me/Normal.dotm"),
    "workbook of the own disk": _linked(r"file:///C:\Users\me\Book 1.xlsx"),
    "workbook beside it": _linked("Book1.xlsx"),
    "workbook of a folder": _linked("/Users/me/Book1.xlsx"),
    "workbook that is missing": _linked("Book1.xlsx", kind="xlExternalLinkPath/xlPathMissing"),
    "chart of a workbook": _charted(r"file:///C:\Users\me\Book1.xlsx", _DATA),
}
