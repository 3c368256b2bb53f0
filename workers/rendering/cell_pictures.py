"""Pictures in the cell: smaller ones of one, and small WebP without anything beside its pixels."""

from __future__ import annotations

import heapq
import io
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

# From method 3 on the encoder takes twice as long, for one byte in thirty. Of photos 1 is the best
# in time, bytes and likeness; of what is drawn 2 saves one byte in six. What has few colours, as
# pages of text do, is smaller and sooner written without loss, unless its letters are specks; and
# sooner still where two pixels fit into a byte: of greys, which are paper and letters' edges,
# sixteen are enough.
# By Pillow, which asks libwebp for the same as libvips does, without a thread of its own.
_PHOTO = {"quality": 80, "method": 1}
_DRAWING = {"quality": 80, "method": 2}
_FEW_COLOURS = {"lossless": True, "quality": 0, "method": 1}
_FEW_GREYS = {"lossless": True, "quality": 0, "method": 0}
_FEW, _SPECKS = 256, 400
_GREYS, _KEPT = 16, 4


def warm_up() -> None:
    """Load the encoder."""
    for form in (_PHOTO, _FEW_COLOURS, _FEW_GREYS):
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
    out = io.BytesIO()
    reduced, form = (image, _PHOTO) if photo else _reduced(image)
    reduced.save(out, "WEBP", **form)
    return out.getvalue()


def _reduced(image: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """What is drawn, in greys where it has few of them and nothing else, and how it is written."""
    letters_can_be_read = max(image.size) > _SPECKS
    plain = image.mode in ("RGB", "RGBX") and letters_can_be_read
    colours: Any = image.getcolors(_FEW) if plain else None
    if colours is None:
        return image, _DRAWING
    greys = {shade[0]: count for count, shade in colours if shade[0] == shade[1] == shade[2]}
    if len(greys) < len(colours):
        return image, _FEW_COLOURS
    return image.getchannel(0).point(_nearest(greys)), _FEW_GREYS


def _nearest(greys: Mapping[int, int]) -> list[int]:
    """For each grey the one that stands for it; `greys` has how often there is which.

    Those of which there is most are areas, and stay as they are.
    """
    if len(greys) <= _GREYS:
        return list(range(256))
    steps = _GREYS - _KEPT
    stand = {round(255 * step / (steps - 1)) for step in range(steps)}
    stand |= set(heapq.nlargest(_KEPT, greys, key=lambda grey: greys[grey]))
    return [min(stand, key=lambda one: abs(one - grey)) for grey in range(256)]
