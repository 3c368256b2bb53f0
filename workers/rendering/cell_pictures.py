"""Pictures in the cell: smaller ones of one, and small WebP without anything beside its pixels."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterable
from typing import Any

from PIL import Image

# From method 3 on the encoder takes twice as long, for one byte in thirty. Of photos 1 is the best
# in time, bytes and likeness; of what is drawn 2 saves one byte in six. What has few colours, as
# pages of text do, is smaller and sooner written without loss, unless its letters are specks.
# By Pillow, which asks libwebp for the same as libvips does, without a thread of its own.
_PHOTO = {"quality": 80, "method": 1}
_DRAWING = {"quality": 80, "method": 2}
_FEW_COLOURS = {"lossless": True, "quality": 0, "method": 1}
_FEW, _SPECKS = 256, 400


def warm_up() -> None:
    """Load the encoder."""
    for form in (_PHOTO, _FEW_COLOURS):
        Image.new("RGB", (8, 8)).save(io.BytesIO(), "WEBP", **form)


def thumbnails(image: Image.Image, sides: list[int]) -> Iterable[Image.Image]:
    """Fit the picture into a square of each side, never larger than it is."""
    for side in sides:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        yield small


def encoded(
    images: Iterable[Image.Image], photo: bool, most: float = math.inf, until: float = math.inf
) -> tuple[dict[str, Any], bytes]:
    """All pictures, or the first ones of `most` bytes together that were ready by `until`."""
    pictures, payload = [], io.BytesIO()
    for image in images:
        data = _webp(image, photo)
        if payload.tell() + len(data) > most:
            break
        pictures.append({"bytes": len(data), "width": image.width, "height": image.height})
        payload.write(data)
        if time.monotonic() > until:
            break
    return {"pictures": pictures}, payload.getvalue()


def _webp(image: Image.Image, photo: bool) -> bytes:
    """One picture without anything beside its pixels."""
    drawing = _FEW_COLOURS if not photo and _has_few_colours(image) else _DRAWING
    out = io.BytesIO()
    image.save(out, "WEBP", **(_PHOTO if photo else drawing))
    return out.getvalue()


def _has_few_colours(image: Image.Image) -> bool:
    letters_can_be_read = max(image.size) > _SPECKS
    return image.mode == "RGB" and letters_can_be_read and image.getcolors(_FEW) is not None
