"""Pictures made in a real cell, and what they look like."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image

from tests.support import samples
from workers.rendering.render import Picture, Renderer
from workers.sandbox.parent import Cell

MIB = 1024 * 1024
COLOURS = list(samples.QUADRANTS.values())  # upper left, upper right, lower left, lower right
IMAGES = {
    "image/jpeg": samples.jpeg,
    "image/png": samples.png,
    "image/gif": samples.gif,
    "image/webp": samples.webp,
    "image/avif": samples.avif,
    "image/heic": samples.heic,
    "image/tiff": samples.tiff,
}
"""Makers of small pictures by their types."""


@contextmanager
def opened(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file


def cell(seconds: int = 120) -> Cell:
    return Cell(seconds=seconds, memory_bytes=512 * MIB)


def render(content: bytes, type_: str, *, seconds: int = 120) -> list[Picture]:
    with opened(content) as file:
        return Renderer(cell(seconds)).render(file, type_)


def pages(content: bytes, type_: str = "application/pdf") -> list[Picture]:
    with opened(content) as file:
        return Renderer(cell()).pages(file, type_)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data))
    assert (image.format, image.size) == ("WEBP", (picture.width, picture.height))
    return image


def middles(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middles of the four quadrants."""
    small = image.convert("RGB")
    width, height = small.size
    spots = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [small.getpixel(spot) for spot in spots]  # type: ignore[misc]


def alike(seen: list[tuple[int, ...]], wanted: list[tuple[int, ...]], off: int = 20) -> bool:
    pairs = zip(seen, wanted, strict=True)
    return all(abs(a - b) <= off for one, two in pairs for a, b in zip(one, two, strict=True))
