"""Files that strangers send. None of them may ever be called clean.

EICAR is joined from two halves at run time, so that no file of this project is itself a find.
"""

from __future__ import annotations

import struct
import zlib

import pikepdf

from tests.support.benign_files import (
    DOCX,
    ODF,
    OOXML,
    XLSX,
    animation,
    office,
    opendocument,
    pack,
    pdf,
    picture,
    with_members,
    word,
)
from tests.support.zip_bytes import Piece, make_zip

ZIP, PDF, ODT = "application/zip", "application/pdf", ODF + "text"
_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def eicar() -> bytes:
    return b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND" + b"ARD-ANTIVIRUS-TEST-FILE!$H+H*"


def eicar_zip(levels: int = 1) -> bytes:
    """EICAR in as many ZIP files as said, one in the other."""
    data, name = eicar(), "eicar.com"
    for level in range(levels):
        data, name = pack({name: data}), f"{level}.zip"
    return data


def eicar_pdf() -> bytes:
    return pdf(lambda document: document.attachments.update({"a.txt": eicar()}))


def eicar_docx() -> bytes:
    return with_members(word(), {"word/media/x.bin": eicar()})


def program() -> bytes:
    """The head of a Windows executable."""
    return b"MZ".ljust(0x3C, b"\0") + struct.pack("<L", 0x80) + bytes(0x40) + b"PE\0\0" + bytes(200)


def infected_files() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes) of what YARA must find."""
    hidden = b"<?php eval(base64_decode('cGhwaW5mbygpOw==')); ?>"
    return {
        "eicar": ("text/plain", eicar()),
        "eicar in zip": (ZIP, eicar_zip()),
        "eicar in 3 zips": (ZIP, eicar_zip(3)),
        "eicar in pdf": (PDF, eicar_pdf()),
        "eicar in zip in pdf": (
            PDF,
            pdf(lambda document: document.attachments.update({"a.zip": eicar_zip()})),
        ),
        "eicar in docx": (DOCX, eicar_docx()),
        "eicar in docx in zip": (ZIP, pack({"a.docx": eicar_docx()})),
        "eicar behind text": ("text/plain", b"innocent " * 9999 + eicar()),
        "program in picture": ("image/jpeg", picture("JPEG") + b"x" + program()),
        "program in docx": (DOCX, with_members(word(), {"word/media/image9.png": program()})),
        "script in pdf": (
            PDF,
            pdf(lambda document: document.attachments.update({"a": b"#!/bin/sh\nrm -rf ~"})),
        ),
        "web shell in picture": ("image/jpeg", picture("JPEG", comment=hidden)),
    }


def relationships(kind: str, target: str = "http://127.0.0.1:9/x") -> bytes:
    """A relationships part with one external target."""
    return (
        f'<Relationships xmlns="urn:r"><Relationship Id="a" Type="{_LINK}{kind}" '
        f'Target="{target}" TargetMode="External"/></Relationships>'
    ).encode()


def script_pdf(action: pikepdf.Dictionary) -> bytes:
    """A PDF that does something when it is opened."""
    return pdf(lambda document: document.Root.__setitem__("/OpenAction", action))


def _named_elsewhere() -> bytes:
    """An action whose kind is an object of its own: neither dictionary nor name tells it alone."""
    kind = pikepdf.Name.Launch

    def change(document: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=document.make_indirect(kind), F="cmd.exe")
        document.Root["/OpenAction"] = document.make_indirect(action)

    return pdf(change)


def documents() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason) of office documents that structure must refuse."""
    laughs = b'<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    outside = b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    wide = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16")
    dde = (
        b'<w:p xmlns:w="urn:w"><w:instrText>DDE</w:instrText>'
        b"<w:instrText>AUTO c:\\\\x</w:instrText></w:p>"
    )
    quoted = (
        b'<w:p xmlns:w="urn:w"><w:fldChar/><w:fldChar/><w:instrText>QUOTE 68 0x44</w:instrText>'
        b"<w:fldChar/><w:instrText>E c:\\\\x</w:instrText></w:p>"
    )
    macro = f'<Types xmlns="t"><Override ContentType="{DOCX}.macroEnabled.main+xml"/></Types>'
    main, odt = "word/document.xml", opendocument(ODT)
    locked = b'<m:manifest xmlns:m="m"><m:encryption-data/></m:manifest>'
    ole = "\x01Ole10Native".encode("utf-16-le")
    return {
        "vba": (DOCX, with_members(word(), {"word/vbaProject.bin": OLE}), "active-content"),
        "docm": (
            DOCX,
            with_members(word(), {"[Content_Types].xml": macro.encode()}),
            "active-content",
        ),
        "activex": (
            DOCX,
            with_members(word(), {"word/activeX/activeX1.bin": b"x"}),
            "active-content",
        ),
        "old macros": (
            XLSX,
            with_members(office(XLSX, "xl/workbook.xml"), {"xl/macrosheets/sheet1.xml": b"<a/>"}),
            "active-content",
        ),
        "remote template": (
            DOCX,
            with_members(word(), {"word/_rels/x.rels": relationships("attachedTemplate")}),
            "active-content",
        ),
        "packed program": (
            DOCX,
            with_members(word(), {"word/embeddings/oleObject1.bin": OLE + ole}),
            "active-content",
        ),
        "dde": (DOCX, with_members(word(), {main: dde}), "active-content"),
        "quoted dde": (DOCX, with_members(word(), {main: quoted}), "active-content"),
        "billion laughs": (DOCX, with_members(word(), {main: laughs}), "malformed-file"),
        "xxe": (
            XLSX,
            with_members(office(XLSX, "xl/workbook.xml"), {"xl/a.xml": outside}),
            "malformed-file",
        ),
        "utf-16 doctype": (DOCX, with_members(word(), {main: wide}), "malformed-file"),
        "vml doctype": (DOCX, with_members(word(), {"word/a.vml": laughs}), "malformed-file"),
        "encrypted package": (DOCX, OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        "old binary": (DOCX, OLE, "type-mismatch"),
        "zip as docx": (DOCX, pack({"a": b"b"}), "type-mismatch"),
        "xlsx as docx": (DOCX, office(XLSX, "xl/workbook.xml"), "type-mismatch"),
        "odt encrypted": (ODT, with_members(odt, {"META-INF/manifest.xml": locked}), "encrypted"),
        "odt macros": (ODT, with_members(odt, {"Basic/Standard/a.xml": b"<a/>"}), "active-content"),
        "odt scripts": (ODT, with_members(odt, {"Scripts/python/a.py": b"x"}), "active-content"),
        "odt xxe": (ODT, with_members(odt, {"content.xml": outside}), "malformed-file"),
        "ods as odt": (ODT, opendocument(ODF + "spreadsheet"), "type-mismatch"),
        "docx as odt": (ODT, word(), "type-mismatch"),
        "rtf object": (
            "application/rtf",
            rb"{\rtf1{\object\objemb{\*\objdata 01}}}",
            "active-content",
        ),
        "rtf template": ("application/rtf", rb"{\rtf1{\*\template http://x}}", "active-content"),
        "no rtf": ("application/rtf", b"plain", "malformed-file"),
        "pptx as xlsx": (
            XLSX,
            office(OOXML + "presentationml.presentation", "p.xml"),
            "type-mismatch",
        ),
    }


def pdfs() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason) of PDFs that structure must refuse."""
    name, new = pikepdf.Name, pikepdf.Dictionary
    locked = pdf(encryption=pikepdf.Encryption(owner="o", user="u"))
    form = new(Fields=[], XFA="<xdp/>")
    media = new(Type=name.Annot, Subtype=name.RichMedia, Rect=[0, 0, 9, 9])
    names = new(Names=["a", new(S=name.JavaScript, JS="app.alert(1)")])
    return {
        "script": (PDF, script_pdf(new(S=name.JavaScript, JS="app.alert(1)")), "active-content"),
        "launch": (PDF, script_pdf(new(S=name.Launch, F="cmd.exe")), "active-content"),
        "launch by a name elsewhere": (PDF, _named_elsewhere(), "active-content"),
        "script by an escaped name": (
            PDF,
            script_pdf(new(S=name.JavaScript, JS="app.alert(1)"))
            .replace(b"/JavaScript", b"/JavaS#63ript")
            .replace(b"/JS", b"/#4aS"),
            "active-content",
        ),
        "opens address": (
            PDF,
            script_pdf(new(S=name.URI, URI="http://127.0.0.1:9/")),
            "active-content",
        ),
        "named script": (
            PDF,
            pdf(lambda document: document.Root.__setitem__("/Names", new(JavaScript=names))),
            "active-content",
        ),
        "xfa": (
            PDF,
            pdf(lambda document: document.Root.__setitem__("/AcroForm", form)),
            "active-content",
        ),
        "rich media": (
            PDF,
            pdf(
                lambda document: document.pages[0].obj.__setitem__(
                    "/Annots", pikepdf.Array([media])
                )
            ),
            "active-content",
        ),
        "password": (PDF, locked, "encrypted"),
        "no pdf": (PDF, b"%PDF-1.7\nnothing", "malformed-file"),
        "nested arrays": (PDF, b"%PDF-1.7\n1 0 obj\n" + b"[" * 1_000_000, "malformed-file"),
        "zip behind pdf": (PDF, pdf() + make_zip(Piece(b"a", b"x")), "trailing-data"),
        "bomb in attachment": (
            PDF,
            pdf(lambda document: document.attachments.update({"a": bytes(64 * 1024 * 1024)})),
            "bomb",
        ),
        "deep attachment": (
            PDF,
            pdf(lambda document: document.attachments.update({"a.zip": eicar_zip(3)})),
            "too-deep",
        ),
    }


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG with the size it claims and hardly any pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", checksum)

    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def others() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason) of pictures, sounds and texts to refuse."""
    jpeg, archive = picture("JPEG"), make_zip(Piece(b"a", b"x"))
    huge = bytearray(jpeg)
    at = huge.index(b"\xff\xc0")
    huge[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    loop = b"II*\0\x08\0\0\0\0\0\x08\0\0\0"
    return {
        "huge png": ("image/png", png(60_000, 60_000), "bomb"),
        "huge jpeg": ("image/jpeg", bytes(huge), "bomb"),
        "sizeless png": ("image/png", png(0, 9), "malformed-file"),
        "png of garbage": ("image/png", b"\x89PNG\r\n\x1a\ngarbage<script>", "malformed-file"),
        "png checksum": ("image/png", picture("PNG")[:-1] + b"x", "malformed-file"),
        "gif and zip": ("image/gif", animation("GIF") + archive, "trailing-data"),
        "png and zip": ("image/png", picture("PNG") + archive, "trailing-data"),
        "jpeg and zip": ("image/jpeg", jpeg + archive, "trailing-data"),
        "jpeg and pdf": ("image/jpeg", jpeg + pdf(), "trailing-data"),
        "jpeg and html": ("image/jpeg", jpeg + b"<html><script>alert(1)", "trailing-data"),
        "jpeg and script": ("image/jpeg", jpeg + b"\n#!/bin/sh\n", "trailing-data"),
        "tiff loop": ("image/tiff", loop, "malformed-file"),
        "html as png": ("image/png", b"<html>", "malformed-file"),
        "html as heic": ("image/heic", b"<html>", "malformed-file"),
        "html as webp": ("image/webp", b"<html>" * 9, "malformed-file"),
        "program as txt": ("text/plain", program(), "malformed-file"),
        "binary csv": ("text/csv", b"a,b\n" * 999_999 + b"\0", "malformed-file"),
        "binary code": ("text/x-source", b"int a;\n" * 9999 + b"\0", "malformed-file"),
        "json cut off": ("application/json", b'{"a": [1, 2, "' + b"x" * 9999, "malformed-file"),
        "binary json": ("application/json", b'{"a": "' + bytes(9) + b'"}', "malformed-file"),
        "prose as json": ("application/json", b"an array, or so\n", "malformed-file"),
        "wide json": ("application/json", "{}".encode("utf-16"), "not-utf-8"),
        "html as mp4": ("video/mp4", b"<html>" * 9, "malformed-file"),
        "html as mp3": ("audio/mpeg", b"<html>" * 9, "malformed-file"),
        "avi as wav": ("audio/wav", b"RIFF\0\0\0\0AVI ", "malformed-file"),
        "matroska as webm": (
            "video/webm",
            b"\x1a\x45\xdf\xa3\x42\x82\x88matroska",
            "malformed-file",
        ),
        "zip behind mp3": (
            "audio/mpeg",
            b"\xff\xfb\x90\x64" + bytes(99) + archive,
            "second-format",
        ),
    }
