"""Thumbnails, made of real files in a real cell."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import pikepdf
import pytest
from PIL import Image, ImageCms, ImageOps

from tests.support import samples
from tests.support.cells import cell_children
from tests.support.pictures import (
    COLOURS,
    IMAGES,
    MIB,
    alike,
    decoded,
    middles,
    opened,
    render,
    saved,
)
from workers.rendering.render import Renderer, RenderTimeout, Unrenderable
from workers.sandbox.parent import Cell


@pytest.mark.parametrize("type_", IMAGES)
def test_looks_like_its_source(type_: str) -> None:
    """Each kind of image gives WebP pictures of it, 200 and 800 pixels at most, never larger."""
    small, large = render(IMAGES[type_](), type_)
    assert (small.name, small.type, small.width, small.height) == (
        *("thumbnail-200", "image/webp"),
        *(200, 150),
    )
    assert (large.name, large.type, large.width, large.height) == (
        *("thumbnail-800", "image/webp"),
        *(640, 480),
    )
    for picture in (small, large):
        assert alike(middles(decoded(picture)), COLOURS)


def test_first_page() -> None:
    """A PDF gives a picture of its first page, fitted to the size."""
    small, large = render(samples.pdf(3), "application/pdf")
    assert (large.width, large.height) == (566, 800)
    assert small.height == 200
    page = decoded(large).convert("RGB")
    bar = page.getpixel((280, 800 - int(620 / 842 * 800)))
    assert alike([bar, page.getpixel((550, 790))], [(26, 51, 204), (255, 255, 255)])  # type: ignore[list-item]


def test_tells_nothing_of_the_camera() -> None:
    """EXIF, GPS, XMP, comments and profiles of a photo are not in its thumbnails."""
    for picture in render(samples.photo_with_gps(3), "image/jpeg"):
        image = decoded(picture)
        assert dict(image.getexif()) == {}
        assert not {"exif", "xmp", "icc_profile"} & set(image.info)
        assert b"Kamera" not in picture.data
        assert alike(middles(image), COLOURS, off=60)


@pytest.mark.parametrize("turn", range(1, 9))
def test_stands_upright(turn: int) -> None:
    """A photo whose EXIF says that it lies on its side is shown upright, in all eight ways."""
    exif = Image.Exif()
    exif[0x0112] = turn
    photo = saved(samples.picture(400, 300), "JPEG", exif=exif)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(photo)))
    large = decoded(render(photo, "image/jpeg")[1])
    assert large.size == wanted.size
    assert alike(middles(large), middles(wanted))


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "1", "I;16"])
def test_pixels_of_every_kind(mode: str) -> None:
    """Grey, transparent, print, palette, black-and-white and 16-bit images have thumbnails."""
    form, type_ = ("JPEG", "image/jpeg") if mode == "CMYK" else ("PNG", "image/png")
    source = samples.picture()
    if mode == "I;16":
        image = source.convert("L").convert("I;16").point(lambda value: value * 257)
    else:
        image = source.quantize(16) if mode == "P" else source.convert(mode)
    shown = decoded(render(saved(image, form), type_)[1])
    wanted = source.convert("L") if mode in ("L", "I;16") else source
    if mode != "1":
        assert alike(middles(shown), middles(wanted), off=75 if mode == "CMYK" else 20)


def test_colours_of_a_profile() -> None:
    """An image with a profile of its own is converted to sRGB before the profile is dropped."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    source = saved(samples.picture(), "PNG", icc_profile=lab)
    for picture in render(source, "image/png"):
        assert "icc_profile" not in decoded(picture).info


@pytest.mark.parametrize(("size", "shown"), [((1, 1), (1, 1)), ((3, 3000), (1, 800))])
def test_odd_shapes(size: tuple[int, int], shown: tuple[int, int]) -> None:
    """A speck stays a speck, and a ribbon keeps at least one pixel."""
    large = render(saved(samples.picture(*size), "PNG"), "image/png")[1]
    assert (large.width, large.height) == shown


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_first_of_several(form: str) -> None:
    """An animation is shown by its first frame, a fax of several pages by the first."""
    frames = [samples.picture(), Image.new("RGB", (640, 480), "white")]
    several = saved(frames[0], form, save_all=True, append_images=frames[1:])
    large = render(several, f"image/{form.lower()}")[1]
    assert (large.width, large.height) == (640, 480)
    assert alike(middles(decoded(large)), COLOURS)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def vast_png() -> bytes:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    idat = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def vast_jpeg() -> bytes:
    """A small picture whose frame header claims 60,000 x 60,000 pixels."""
    whole = bytearray(samples.jpeg())
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    return bytes(whole)


def vast_gif() -> bytes:
    """Canvas and frame: a canvas alone that is larger than its frame is not believed."""
    whole, vast = bytearray(samples.gif()), struct.pack("<HH", 60_000, 60_000)
    frame = whole.index(b"\x2c\0\0\0\0") + 5
    whole[6:10] = whole[frame : frame + 4] = vast
    return bytes(whole)


VAST = {"image/png": vast_png, "image/jpeg": vast_jpeg, "image/gif": vast_gif}


@pytest.mark.parametrize("type_", VAST)
def test_vast_image(type_: str) -> None:
    """An image of 60,000 x 60,000 pixels is refused by its header."""
    with pytest.raises(Unrenderable, match="60000 x 60000"):
        render(VAST[type_](), type_)


def test_profile_by_name() -> None:
    """A PNG that asks for a file as its profile gets none (CVE-2022-44268)."""
    body = b"profile\0/etc/passwd"
    png = samples.png()
    for picture in render(png[:33] + chunk(b"tEXt", body) + png[33:], "image/png"):
        assert b"root:" not in picture.data
        assert not decoded(picture).info.get("icc_profile")


def spoilt(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


BROKEN = {
    "empty": (b"", "image/png"),
    "no image": (b"hello" * 100, "image/jpeg"),
    "empty PDF": (b"", "application/pdf"),
    "no PDF": (b"%PDF-1.7\nnothing", "application/pdf"),
    "half a photo": (samples.jpeg()[:3000], "image/jpeg"),
    "half a PNG": (samples.png()[:900], "image/png"),
    "half a GIF": (samples.gif()[:1500], "image/gif"),
    "half a WebP": (samples.webp()[:400], "image/webp"),
    "a PNG with a wrong checksum": (spoilt(samples.png()), "image/png"),
    "half a HEIC": (samples.heic()[:600], "image/heic"),
    "a PNG as JPEG": (samples.png(), "image/jpeg"),
    "an SVG as PNG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
    "a PDF as TIFF": (samples.pdf(1), "image/tiff"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    """A file that is broken, or of another type than we named, is unrenderable."""
    with pytest.raises(Unrenderable):
        render(*BROKEN[name])


def one_page(box: list[float], count: int = 1) -> bytes:
    document = pikepdf.new()
    for _ in range(count):
        document.add_blank_page()
    document.pages[0].mediabox = pikepdf.Array(box)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


HOSTILE_PDFS = {
    "vast page": one_page([0, 0, 1e6, 1e6]),
    "ribbon": one_page([0, 0, 1e6, 0.01]),
    "no size": one_page([0, 0, 0, 0]),
    "many pages": one_page([0, 0, 595, 842], 5000),
    "nested arrays": b"%PDF-1.7\n1 0 obj\n"
    + b"[" * 1_000_000
    + b"\nendobj\ntrailer<</Root 1 0 R>>",
    "xref loop": b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \n"
    b"trailer<</Size 1/Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF",
}


@pytest.mark.parametrize("name", HOSTILE_PDFS)
def test_hostile_pdf(name: str) -> None:
    """A hostile PDF has a small thumbnail or none, soon, and no process stays behind."""
    try:
        for picture in render(HOSTILE_PDFS[name], "application/pdf"):
            assert max(picture.width, picture.height) <= 800
    except Unrenderable:
        pass
    assert cell_children() == []


def test_locked_pdf() -> None:
    """A PDF that wants a password is unrenderable."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(samples.pdf(1))) as document:
        document.save(out, encryption=pikepdf.Encryption(user="secret", owner="owner"))
    with pytest.raises(Unrenderable, match=r"[Pp]assword"):
        render(out.getvalue(), "application/pdf")


def test_slow_file() -> None:
    """A drawing that takes too long ends as a timeout, not as the file's fault."""
    document = pikepdf.new()
    page = document.add_blank_page()
    # So few that the memory lasts, however fast they are read, and half the page for each.
    page.obj.Contents = document.make_stream(b"0 0 m 600 800 l 600 0 l f " * 100_000)
    out = io.BytesIO()
    document.save(out)
    with pytest.raises(RenderTimeout):
        render(out.getvalue(), "application/pdf", seconds=1)
    assert cell_children() == []


def test_large_photo() -> None:
    """A photo of 96 megapixels is decoded at a fraction of its size, within little memory."""
    photo = saved(samples.picture(12_000, 8_000), "JPEG", quality=60)
    cell = Cell(seconds=120, memory_bytes=96 * MIB)
    with opened(photo) as file:
        large = Renderer(cell).render(file, "image/jpeg")[1]
    assert (large.width, large.height) == (800, 533)
    assert alike(middles(decoded(large)), COLOURS)


@pytest.mark.parametrize("type_", ["image/png", "image/jpeg", "image/webp"])
def test_large_upright(type_: str) -> None:
    """A large image is turned as well when it is decoded piece by piece."""
    exif = Image.Exif()
    exif[0x0112] = 6
    form = type_.removeprefix("image/").upper()
    large = render(saved(samples.picture(4000, 3000), form, exif=exif), type_)[1]
    assert (large.width, large.height) == (600, 800)
    red, green, blue, sand = COLOURS
    assert alike(middles(decoded(large)), [blue, red, sand, green])


def test_warming_up_leaves_no_thread() -> None:
    """What is loaded before a child is forked runs nothing: a fork would cut it off."""
    lines = (
        "import os; from workers.rendering import cell_played, cell_render",
        "cell_render.warm_up({}); cell_played.warm_up({})",
        "print(len(os.listdir('/proc/self/task')))",
    )
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert run.stdout == "1\n", run.stderr


def test_other_types() -> None:
    """What has no thumbnails is said so, and no child is started for it."""
    renderer = Renderer(Cell(seconds=1, memory_bytes=MIB))
    assert renderer.handles("image/png")
    assert not renderer.handles("application/zip")
    assert not renderer.handles("image/svg+xml")
