"""Office documents in the cell: the thumbnail that their program put into them, nothing else.

Office Open XML names it by a relationship of the package (ECMA-376 part 2, 8.5.2.4 and annex F),
OpenDocument by its path (ODF 1.3 part 2, 3.7). What it is, its first bytes decide here; WMF and EMF
are programs that draw, and are not decoded.
"""

from __future__ import annotations

import codecs
import zipfile
import zlib
from typing import BinaryIO
from xml.parsers import expat

import pyvips
from PIL import Image

from workers.rendering import cell_vips
from workers.rendering.refusal import Refused

_ENTRIES = 10_000
_RELATIONS, _RELATIONS_BYTES = "_rels/.rels", 256 * 1024
_PICTURE_BYTES = 16 * 1024 * 1024
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_THUMBNAIL = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
_ELEMENT = "http://schemas.openxmlformats.org/package/2006/relationships Relationship"
_ODF_PATH = "Thumbnails/thumbnail.png"
_MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}


def warm_up() -> None:
    """Load the table of names in old archives; the rest was imported with this module."""
    codecs.lookup("cp437")


def load(file: BinaryIO, pixels: int, side: int) -> Image.Image:
    """Decode the embedded thumbnail; raises Refused where there is none that can be."""
    try:
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > _ENTRIES:
                raise Refused("too many members")
            data = _member(archive, _place(archive), _PICTURE_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise Refused(f"not readable: {error}") from error
    loader = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
    if loader is None:
        raise Refused("a thumbnail of a kind that is not decoded")
    image = cell_vips.decode(lambda: pyvips.Source.new_from_memory(data), loader, pixels, side)
    return _on_paper(image)


def _on_paper(image: Image.Image) -> Image.Image:
    """A page is white where nothing is drawn: black letters would be lost on a dark ground."""
    if not image.has_transparency_data:
        return image
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def _place(archive: zipfile.ZipFile) -> str:
    """Where the thumbnail is; raises Refused when nothing names one."""
    names = set(archive.namelist())
    if _ODF_PATH in names and "mimetype" in names:
        return _ODF_PATH
    if _RELATIONS not in names:
        raise Refused("no thumbnail")
    return _related(_member(archive, _RELATIONS, _RELATIONS_BYTES))


def _related(relations: bytes) -> str:
    """The target of the thumbnail's relationship, as a member's name."""
    found: list[str] = []

    def element(name: str, attributes: dict[str, str]) -> None:
        inside = attributes.get("TargetMode", "Internal") == "Internal"
        if name == _ELEMENT and attributes.get("Type") == _THUMBNAIL and inside:
            found.append(attributes.get("Target", ""))

    def doctype(*_: object) -> None:
        raise Refused("relationships with a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(relations, True)
    except expat.ExpatError as error:
        raise Refused(f"relationships: {error}") from error
    if not found:
        raise Refused("no thumbnail")
    return found[0].removeprefix("/")


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The bytes of one member, at most `most`; raises Refused, and what zipfile raises."""
    try:
        entry = archive.getinfo(name)
    except KeyError as error:
        raise Refused("a thumbnail that is named and not there") from error
    if entry.compress_type not in _PACKED or entry.file_size > most:
        raise Refused("a member that is packed in another way, or too large")
    with archive.open(entry) as member:
        return member.read(most)
