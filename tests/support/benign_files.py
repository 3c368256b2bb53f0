"""Small honest files of every type that is accepted. Every one of them must be clean."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
from collections.abc import Callable

import docx
import pikepdf
import pillow_heif
from PIL import Image

OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
DOCX = OOXML + "wordprocessingml.document"
XLSX = OOXML + "spreadsheetml.sheet"
PPTX = OOXML + "presentationml.presentation"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"


def pack(members: dict[str, bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """Pack members with zipfile, deflated but for those named in `stored`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            method = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name, data, compress_type=method)
    return file.getvalue()


def streamed_zip() -> bytes:
    """A ZIP written to a pipe: sizes follow the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/", b"")
        archive.writestr("a/ä.txt", b"text " * 100)
        with archive.open("b.txt", "w", force_zip64=True) as member:
            member.write(b"more " * 100)
    return pipe.data


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Minutes")
    document.add_paragraph("Nothing was decided.")
    document.add_table(2, 2)
    document.add_picture(io.BytesIO(picture("PNG")))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_members(package: bytes, members: dict[str, bytes]) -> bytes:
    """The same package with members added, or replaced."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    return pack({**kept, **members}, stored=("mimetype",))


def office(kind: str, main: str) -> bytes:
    """The least Office document: content types, a relationship, a main part with a link."""
    types = (
        f'<?xml version="1.0"?><Types xmlns="{_PACKAGE}content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{main}" ContentType="{kind}.main+xml"/></Types>'
    )
    links = (
        f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}relationships">'
        f'<Relationship Id="a" Type="{OOXML}relationships/officeDocument" Target="{main}"/>'
        '<Relationship Id="b" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/hyperlink" Target="https://example.org/" TargetMode="External"/>'
        "</Relationships>"
    )
    return pack(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": links.encode(),
            main: '<?xml version="1.0" encoding="UTF-16"?><main>ä</main>'.encode("utf-16"),
        }
    )


def opendocument(kind: str) -> bytes:
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:m">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        "</manifest:manifest>"
    )
    content = '<?xml version="1.0"?><o:document xmlns:o="urn:o"><o:scripts/>Text</o:document>'
    members = {
        "mimetype": kind.encode(),
        "content.xml": content.encode(),
        "META-INF/manifest.xml": manifest.encode(),
        # LibreOffice writes this part, and leaves it empty.
        "Configurations2/accelerator/current.xml": b"",
    }
    return pack(members, stored=("mimetype",))


def pdf(change: Callable[[pikepdf.Pdf], object] = lambda _: None, **options: object) -> bytes:
    """Two blank pages with a link; `change` may alter the document before it is saved."""
    document = pikepdf.new()
    document.add_blank_page()
    page = document.add_blank_page()
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Link,
        Rect=[0, 0, 9, 9],
        A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://example.org/"),
    )
    page.obj["/Annots"] = pikepdf.Array([document.make_indirect(link)])
    change(document)
    file = io.BytesIO()
    document.save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def picture(form: str, *, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, form, **options)
    return file.getvalue()


def heic() -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "teal")).save(file)
    return file.getvalue()


def animation(form: str) -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=50)
    return file.getvalue()


def camera_jpeg() -> bytes:
    """A photo like a phone's: it says that a second picture and a film follow its end."""
    first = picture("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    said = mpf_segment(2) + xmp_segment('GCamera:MotionPhoto="1"')
    return first[:2] + said + first[2:] + picture("JPEG") + film()


def film() -> bytes:
    return (
        box(b"ftyp", b"mp42\0\0\0\0isom") + box(b"mdat", bytes(range(256)) * 40) + box(b"moov", b"")
    )


def mpf_segment(pictures: int) -> bytes:
    """APP2 with the index of a multi-picture file (CIPA DC-007), the least that counts them."""
    index = b"II*\0" + struct.pack("<LHHHLLL", 8, 1, 0xB001, 4, 1, pictures, 0)
    return b"\xff\xe2" + struct.pack(">H", 2 + 4 + len(index)) + b"MPF\0" + index


def xmp_segment(attributes: str) -> bytes:
    """APP1 with XMP that has these attributes."""
    text = (
        b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description "
        + attributes.encode()
        + b"/></x:xmpmeta>"
    )
    return b"\xff\xe1" + struct.pack(">H", 2 + len(text)) + text


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L4s", 8 + len(content), kind) + content


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(4000))
    return file.getvalue()


def all_files() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes)."""
    film = box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", b"") + box(b"mdat", bytes(100))
    return {
        "docx": (DOCX, word()),
        "small docx": (DOCX, office(DOCX, "word/document.xml")),
        "xlsx": (XLSX, office(XLSX, "xl/workbook.xml")),
        "pptx": (PPTX, office(PPTX, "ppt/presentation.xml")),
        "odt": (ODF + "text", opendocument(ODF + "text")),
        "ods": (ODF + "spreadsheet", opendocument(ODF + "spreadsheet")),
        "odp": (ODF + "presentation", opendocument(ODF + "presentation")),
        "pdf": ("application/pdf", pdf()),
        "pdf with owner password": (
            "application/pdf",
            pdf(encryption=pikepdf.Encryption(owner="x", user="")),
        ),
        "pdf with attachment": (
            "application/pdf",
            pdf(lambda document: document.attachments.update({"a.txt": b"text"})),
        ),
        "zip": ("application/zip", pack({"a/": b"", "a/b.txt": b"text", "c.docx": word()})),
        "zip of scripts": ("application/zip", pack({"run.sh": b"#!/bin/sh\necho hello\n"})),
        "zip in zip in zip": (
            "application/zip",
            pack({"a.zip": pack({"b.zip": pack({"c": b"d"})})}),
        ),
        "streamed zip": ("application/zip", streamed_zip()),
        "empty zip": ("application/zip", pack({})),
        "jpeg": ("image/jpeg", picture("JPEG", progressive=True)),
        "camera jpeg": ("image/jpeg", camera_jpeg()),
        "jpeg with comment": (
            "image/jpeg",
            picture("JPEG", comment=b"<?php system($_GET['c']); ?>"),
        ),
        "png": ("image/png", picture("PNG")),
        "gif": ("image/gif", animation("GIF")),
        "webp": ("image/webp", picture("WEBP")),
        "lossless webp": ("image/webp", picture("WEBP", lossless=True)),
        "animated webp": ("image/webp", animation("WEBP")),
        "tiff": ("image/tiff", animation("TIFF")),
        "avif": ("image/avif", picture("AVIF")),
        "heic": ("image/heic", heic()),
        "txt": ("text/plain", b"A text and nothing else.\n"),
        "utf-16 txt": ("text/plain", "Text".encode("utf-16")),
        "csv": ("text/csv", b"a;b\r\n=1+1;2\r\n"),
        "md": ("text/markdown", b"# A `#!/bin/sh` script\n"),
        "rtf": ("application/rtf", rb"{\rtf1\ansi The \\object of desire\par}"),
        "mp4": ("video/mp4", film),
        "mov": ("video/quicktime", box(b"wide", b"") + box(b"mdat", bytes(9)) + box(b"moov", b"")),
        "m4a": ("audio/mp4", film),
        "webm": ("video/webm", b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + bytes(50)),
        "mp3": ("audio/mpeg", b"\xff\xfb\x90\x64" + bytes(500)),
        "tagged mp3": ("audio/mpeg", b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x64" + bytes(500)),
        "wav": ("audio/wav", sound()),
        "ogg": ("audio/ogg", b"OggS\0\2" + bytes(60)),
    }
