"""Photos and documents to make pictures of: made here, always the same ones."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pikepdf
from PIL import Image

_SYLLABLES = ("an", "be", "co", "di", "en", "for", "ga", "hi", "is", "lo", "ment", "ra", "ti", "un")
_PAGES = 20


def photos(folder: Path, count: int) -> list[Path]:
    """JPEGs of 12 megapixels and about 3.3 MB, as noisy as a phone's."""
    return [_photo(folder / f"photo-{number}.jpg", number) for number in range(count)]


def _photo(path: Path, number: int) -> Path:
    """Noise of three sizes over a slope of light; another slope in each."""
    size = 4000, 3000
    coarse, mid, fine = (
        Image.effect_noise((size[0] // by, size[1] // by), strength).resize(size)
        for by, strength in ((16, 90), (4, 70), (1, 18))
    )
    bands = (
        Image.blend(one, two, 0.4) for one, two in ((coarse, mid), (mid, fine), (coarse, fine))
    )
    noise = Image.merge("RGB", tuple(bands))
    light = Image.linear_gradient("L").rotate(90 * number).resize(size).convert("RGB")
    Image.blend(light, noise, 0.6).save(path, quality=88)
    return path


def texts(folder: Path, count: int) -> list[Path]:
    """PDFs of twenty pages of text."""
    return [_document(folder / f"text-{number}.pdf", _text(number)) for number in range(count)]


def drawings(folder: Path, count: int) -> list[Path]:
    """PDFs of twenty pages with 4,000 coloured shapes each."""
    return [_document(folder / f"drawing-{number}.pdf", _shapes(number)) for number in range(count)]


def _text(number: int) -> bytes:
    chance = random.Random(number)  # noqa: S311 -- the same text each time

    def line() -> bytes:
        words = ("".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(15))
        return f"({' '.join(words)}) Tj T*".encode()

    return b"BT /F1 10 Tf 13 TL 50 790 Td " + b" ".join(line() for _ in range(56)) + b" ET"


def _shapes(number: int) -> bytes:
    chance = random.Random(number)  # noqa: S311 -- the same shapes each time

    def shape() -> bytes:
        colour = b"%.2f %.2f %.2f rg" % tuple(chance.random() for _ in range(3))
        return colour + b" %d %d m %d %d %d %d %d %d c h f" % tuple(chance.choices(range(800), k=8))

    return b" ".join(shape() for _ in range(4000))


def _document(path: Path, contents: bytes) -> Path:
    made = pikepdf.new()
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    for _ in range(_PAGES):
        page = made.add_blank_page(page_size=(595, 842))
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.obj.Contents = made.make_stream(contents)
    data = io.BytesIO()
    made.save(data)
    path.write_bytes(data.getvalue())
    return path
