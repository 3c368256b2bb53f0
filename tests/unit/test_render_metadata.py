"""What a picture tells besides itself: nothing. Every kind that can carry more, in a real cell."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tests.support import samples
from tests.support.pictures import COLOURS, alike, decoded, middles, pages, render, saved
from tests.support.recordings import film, sound
from tests.unit.test_render_office import ooxml
from workers.rendering.render import LOADERS, Picture

SECRET = b"Kamera AG 52.5200"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010F] = SECRET.decode()
    made[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 17.0)}
    return made


def wide() -> bytes:
    """A profile that is not sRGB: its primaries, red and green of them changed over."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.find(b"rXYZ", 128), profile.find(b"gXYZ", 128)
    for at in range(4, 12):
        profile[red + at], profile[green + at] = profile[green + at], profile[red + at]
    return bytes(profile)


def picture(form: str, **more: Any) -> bytes:
    return saved(samples.picture(), form, exif=exif(), icc_profile=wide(), **more)


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=False)
    return picture("PNG", pnginfo=texts)


def heic() -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(samples.picture()).save(
        out, quality=90, exif=exif().tobytes(), xmp=XMP, icc_profile=wide()
    )
    return out.getvalue()


def tiff() -> bytes:
    words = {270: SECRET.decode(), 700: XMP}
    return saved(samples.picture(), "TIFF", tiffinfo=words, icc_profile=wide())


def pdf() -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(samples.pdf(2))) as document:
        document.docinfo["/Author"] = SECRET.decode()
        with document.open_metadata() as metadata:
            metadata["dc:creator"] = [SECRET.decode()]
        document.save(out)
    return out.getvalue()


TALKATIVE: dict[str, Callable[[], bytes]] = {
    "image/jpeg": lambda: picture("JPEG", quality=90, comment=SECRET, xmp=XMP),
    "image/png": png,
    "image/gif": lambda: saved(samples.picture(), "GIF", comment=SECRET, xmp=XMP),
    "image/webp": lambda: picture("WEBP", quality=90, xmp=XMP),
    "image/avif": lambda: picture("AVIF", quality=90, xmp=XMP),
    "image/heic": heic,
    "image/tiff": tiff,
    "application/pdf": pdf,
    "video/mp4": film,
    "video/quicktime": lambda: film("mov"),
    "video/webm": lambda: film("webm", "libvpx"),
    "audio/mpeg": lambda: sound("mp3", "libmp3lame", seconds=1),
    "audio/mp4": lambda: sound("ipod", "aac", seconds=1),
    "audio/ogg": lambda: sound("ogg", "libopus", seconds=1),
    "audio/wav": lambda: sound(seconds=1),
    DOCX: lambda: ooxml(picture("JPEG", quality=90, comment=SECRET)),
}


def bare(made: list[Picture]) -> None:
    for one in made:
        image = decoded(one)
        assert dict(image.getexif()) == {}
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)
        assert b"Kamera" not in one.data
        assert b"52.5" not in one.data


@pytest.mark.parametrize("type_", TALKATIVE)
def test_nothing_besides(type_: str) -> None:
    """Place, maker, author, comment, profile and XMP of the file are in none of its pictures."""
    content = TALKATIVE[type_]()
    if type_ != "application/pdf":
        assert b"Kamera" in content or b"52.52" in content
    bare(render(content, type_))
    bare(pages(content, type_))


def test_every_kind_that_can_carry_more_is_here() -> None:
    """Texts have nothing besides themselves; Office documents are one kind."""
    kinds = {
        type_ for type_, loader in LOADERS.items() if loader.split()[0] not in ("text", "office")
    }
    assert kinds == set(TALKATIVE) - {DOCX}


@pytest.mark.parametrize("type_", ["image/jpeg", "image/png", "image/webp", "image/avif"])
def test_converted_to_srgb(type_: str) -> None:
    """A file whose profile calls red green is shown as its profile says."""
    red, green, *_ = middles(decoded(render(TALKATIVE[type_](), type_)[1]))
    assert red[1] > red[0] + 40
    assert green[0] > green[1] + 40


def test_converted_from_heic() -> None:
    red, green, *_ = middles(decoded(render(heic(), "image/heic")[1]))
    assert (red[1] > red[0] + 40, green[0] > green[1] + 40) == (True, True)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_print_colours(form: str) -> None:
    """CMYK, also inverted as JPEG has it, comes near the colours that were printed."""
    cmyk = saved(samples.picture().convert("CMYK"), form)
    shown = decoded(render(cmyk, f"image/{form.lower()}")[1])
    assert shown.mode == "RGB"
    assert alike(middles(shown), COLOURS, off=75)
