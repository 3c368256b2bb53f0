"""Real sample files, made in code: nothing binary lies in the repository.

Each function returns the bytes of one small valid file; `SAMPLES` names one for every ending that
the default policy accepts.
"""

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable

import docx
import pikepdf
import pillow_heif
from PIL import Image, ImageDraw

_OPC_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/{part}" ContentType="{type}.main+xml"/></Types>'
)
_OPC_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="{part}"/></Relationships>'
)
QUADRANTS = {
    "red": (200, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 200),
    "sand": (220, 200, 90),
}


def eicar() -> bytes:
    """The EICAR test string, joined from two halves so that no scanner objects to this file."""
    return rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STAND" + rb"ARD-ANTIVIRUS-TEST-FILE!$H+H*"


def eicar_zip() -> bytes:
    return zip_of({"readme.txt": b"nothing to see\n", "folder/eicar.com": eicar()})


def picture(width: int = 640, height: int = 480) -> Image.Image:
    """Four quadrants in known colours: red and green above blue and sand."""
    image = Image.new("RGB", (width, height), QUADRANTS["red"])
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2), fill=QUADRANTS["green"])
    draw.rectangle((0, height // 2, width // 2, height), fill=QUADRANTS["blue"])
    draw.rectangle((width // 2, height // 2, width, height), fill=QUADRANTS["sand"])
    return image


def photo_with_gps(megabytes: float = 3) -> bytes:
    """A JPEG as a camera writes it: noise over `picture()`, EXIF with maker, time and GPS."""
    width = int((megabytes * 1.35e6) ** 0.5) // 8 * 8
    image = picture(width * 4 // 3, width)
    noise = Image.effect_noise(image.size, 60).convert("RGB")
    image = Image.blend(image, noise, 0.25)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Kamera AG", "Model 7"
    exif[0x0132] = "2024:06:01 12:30:00"
    exif[0x8825] = {
        1: "N",
        2: (52.0, 31.0, 12.25),
        3: "E",
        4: (13.0, 24.0, 17.5),
        29: "2024:06:01",
    }
    return _saved(image, "JPEG", quality=95, subsampling=0, exif=exif)


def jpeg() -> bytes:
    return _saved(picture(), "JPEG", quality=85)


def png() -> bytes:
    return _saved(picture(), "PNG")


def gif() -> bytes:
    return _saved(picture(), "GIF")


def webp() -> bytes:
    return _saved(picture(), "WEBP")


def avif() -> bytes:
    return _saved(picture(), "AVIF")


def tiff() -> bytes:
    return _saved(picture(), "TIFF", compression="tiff_lzw")


def heic() -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(out, quality=60)
    return out.getvalue()


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def pdf(pages: int = 3) -> bytes:
    """A4 pages with a heading, a blue bar and a circle of red."""
    document = pikepdf.new()
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    for number in range(1, pages + 1):
        page = document.add_blank_page(page_size=(595, 842))
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.obj.Contents = document.make_stream(
            b"BT /F1 36 Tf 72 740 Td (Page %d of %d) Tj ET "
            b"0.1 0.2 0.8 rg 72 560 450 120 re f 0.8 0.1 0.1 rg 72 300 200 200 re f"
            % (number, pages)
        )
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def docx_file() -> bytes:
    document = docx.Document()
    document.add_heading("Quarterly report", 0)
    for number in range(5):
        document.add_paragraph(f"Paragraph {number}: the quick brown fox jumps over the lazy dog.")
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).text, table.cell(1, 1).text = "a", "b"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def xlsx() -> bytes:
    body = (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        "<sheets/></workbook>"
    )
    return _opc("xl/workbook.xml", "spreadsheetml.sheet", body)


def pptx() -> bytes:
    body = '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"/>'
    return _opc("ppt/presentation.xml", "presentationml.presentation", body)


def _opc(part: str, kind: str, body: str) -> bytes:
    type_ = f"application/vnd.openxmlformats-officedocument.{kind}"
    return zip_of(
        {
            "[Content_Types].xml": _OPC_TYPES.format(part=part, type=type_).encode(),
            "_rels/.rels": _OPC_RELATIONS.format(part=part).encode(),
            part: body.encode(),
        }
    )


def opendocument(kind: str) -> bytes:
    """`kind` is text, spreadsheet or presentation; the type stands stored in front."""
    type_ = f"application/vnd.oasis.opendocument.{kind}"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{type_}"/>'
        "</manifest:manifest>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", type_, zipfile.ZIP_STORED)
        archive.writestr("content.xml", "<document/>")
        archive.writestr("META-INF/manifest.xml", manifest)
    return out.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_file() -> bytes:
    return zip_of({"notes.txt": txt(), "table.csv": csv()})


def txt() -> bytes:
    return "Grüße aus der Werkstatt.\nA second line.\n".encode()


def csv() -> bytes:
    return b"name,count\nscrew,12\nnut,7\n=1+1,0\n"


def markdown() -> bytes:
    return b"# Title\n\nSome *words* and a [link](https://example.org).\n"


def rtf() -> bytes:
    return rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Times;}}\f0\fs24 Hello, \b bold\b0  world.\par}"


def wav(seconds: float = 0.2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(
            b"".join(struct.pack("<h", at % 200 * 100) for at in range(int(8000 * seconds)))
        )
    return out.getvalue()


def mp3(frames: int = 20) -> bytes:
    """Silent frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz, without an ID3 tag."""
    return (b"\xff\xfb\x90\xc4" + bytes(413)) * frames


def ogg() -> bytes:
    """One page with a Vorbis identification header."""
    header = b"\x01vorbis" + struct.pack("<IBIIIIBB", 0, 1, 44100, 0, 128000, 0, 0xB8, 1)
    page = b"OggS\0\2" + bytes(8) + struct.pack("<III", 1, 0, 0) + bytes([1, len(header)]) + header
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def iso_media(brand: bytes) -> bytes:
    """The boxes of MP4's family, with nothing to play: `isom`, `qt  ` or `M4A `."""
    header = _box(
        b"mvhd", bytes(12) + struct.pack(">II", 1000, 0) + struct.pack(">IH", 1 << 16, 256)
    )
    return (
        _box(b"ftyp", brand + struct.pack(">I", 512) + brand + b"iso2")
        + _box(b"moov", header)
        + _box(b"mdat", zlib.compress(b"frames"))
    )


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def webm(doctype: bytes = b"webm") -> bytes:
    versions = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08"
    header = versions + b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + b"\x18\x53\x80\x67\x80"


SAMPLES: dict[str, Callable[[], bytes]] = {
    "jpg": jpeg,
    "png": png,
    "gif": gif,
    "webp": webp,
    "avif": avif,
    "heic": heic,
    "tif": tiff,
    "pdf": pdf,
    "docx": docx_file,
    "xlsx": xlsx,
    "pptx": pptx,
    "odt": lambda: opendocument("text"),
    "ods": lambda: opendocument("spreadsheet"),
    "odp": lambda: opendocument("presentation"),
    "txt": txt,
    "csv": csv,
    "md": markdown,
    "py": lambda: b"#include <stdio.h>\n\nint main(void) {\n\treturn 0;\n}\n",
    "json": lambda: b'{\n  "name": "screw",\n  "count": 12\n}\n',
    "rtf": rtf,
    "zip": zip_file,
    "mp4": lambda: iso_media(b"isom"),
    "mov": lambda: iso_media(b"qt  "),
    "webm": webm,
    "mp3": mp3,
    "m4a": lambda: iso_media(b"M4A "),
    "wav": wav,
    "ogg": ogg,
}
