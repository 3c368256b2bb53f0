"""Thumbnails that Office documents bring along, read out in a real cell."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from PIL import Image

from tests.support import samples
from tests.support.pictures import COLOURS, alike, decoded, middles, render
from uploads.documents import kinds
from workers.rendering.render import LOADERS, Unrenderable

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
RELATION = (
    '<Relationship Id="rId9" Target="{}" Type="http://schemas.openxmlformats.org/package/2006/'
    'relationships/metadata/thumbnail" {}/>'
)


def with_members(package: bytes, changes: dict[str, bytes], **options: int) -> bytes:
    """A package with other members, or more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", **options) as new:
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry, old.read(entry))
        for name, data in changes.items():
            new.writestr(name, data)
    return out.getvalue()


def ooxml(data: bytes, target: str = "docProps/thumbnail.jpeg", more: str = "") -> bytes:
    package = samples.xlsx()
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        relations = archive.read("_rels/.rels").decode()
    named = relations.replace("</Rel", RELATION.format(target, more) + "</Rel")
    members = {"_rels/.rels": named.encode(), target.removeprefix("/"): data}
    return with_members(package, members)


def odf(data: bytes) -> bytes:
    return with_members(samples.opendocument("text"), {"Thumbnails/thumbnail.png": data})


FINE = {
    "a JPEG": (ooxml(samples.jpeg()), DOCX),
    "a PNG with a slash in front": (ooxml(samples.png(), "/docProps/thumbnail.png"), DOCX),
    "a PNG called JPEG": (ooxml(samples.png()), DOCX),
    "OpenDocument": (odf(samples.png()), ODT),
}


@pytest.mark.parametrize("name", FINE)
def test_embedded_thumbnail(name: str) -> None:
    """The picture that a document brings along is shown, whatever it is called."""
    small, large = render(*FINE[name])
    assert (small.width, large.width) == (200, 640)
    assert alike(middles(decoded(large)), COLOURS)


def test_a_thumbnail_that_is_clear_is_drawn_on_white() -> None:
    """As LibreOffice writes them: black letters, and nothing behind them."""
    clear, out = Image.new("RGBA", (300, 300), (0, 0, 0, 0)), io.BytesIO()
    clear.paste((0, 0, 0, 255), (0, 0, 150, 300))
    clear.save(out, "PNG")
    for picture in render(odf(out.getvalue()), ODT):
        shown = decoded(picture).convert("RGBA")
        middle = shown.height // 2
        at: list[Any] = [shown.getpixel((shown.width * part // 4, middle)) for part in (1, 3)]
        assert at[0][:3] < (10, 10, 10)
        assert at[1][:3] > (245, 245, 245)
        assert [one[3] for one in at] == [255, 255]


EMF = b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(100)
BOMB = with_members(ooxml(b""), {"docProps/thumbnail.jpeg": bytes(40_000_000)}, compression=8)
DOCTYPE = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'
BARE = {
    "none": (samples.xlsx(), "no thumbnail"),
    "WMF": (ooxml(b"\xd7\xcd\xc6\x9a" + bytes(60)), "not decoded"),
    "EMF": (ooxml(EMF), "not decoded"),
    "a GIF": (ooxml(samples.gif()), "not decoded"),
    "SVG": (ooxml(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "not decoded"),
    "a bomb": (BOMB, "too large"),
    "elsewhere": (ooxml(samples.jpeg(), more='TargetMode="External"'), "no thumbnail"),
    "a way out": (
        with_members(ooxml(b"", "../../etc/passwd"), {"etc/passwd": b""}),
        "not decoded",
    ),
    "named, not there": (
        ooxml(b"", "docProps/a.png").replace(b"docProps/a.png", b"docProps/b.png", 1),
        "not there|not readable",
    ),
    "a document type": (with_members(samples.xlsx(), {"_rels/.rels": DOCTYPE}), "document type"),
    "broken relations": (with_members(samples.xlsx(), {"_rels/.rels": b"<a" * 9999}), "relations"),
    "half a picture": (ooxml(samples.jpeg()[:2000]), "not decodable"),
    "no archive": (b"PK\3\4 nothing", "not readable"),
}


@pytest.mark.parametrize("name", BARE)
def test_without_a_thumbnail(name: str) -> None:
    """A document without a picture that can be decoded has none, and says why."""
    content, why = BARE[name]
    with pytest.raises(Unrenderable, match=why):
        render(content, DOCX)


def test_the_types_agree() -> None:
    """What people are told to wait for, and Office besides, is what there are loaders for."""
    assert set(LOADERS) == kinds.PICTURED | kinds.OFFICE
    assert not kinds.PICTURED & (kinds.OFFICE | kinds.ACTIVE)
    assert len(kinds.OFFICE) == 6
