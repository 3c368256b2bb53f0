"""The child's side of rendering: decode one file with the one loader named, write small WebP.

Runs in the cell, on bytes of strangers: modules and tables are loaded before confinement, and only
the loader that was named is ever unlocked.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterable
from typing import Any, BinaryIO

import pyvips
from PIL import Image

from workers.rendering import (
    cell_audio,
    cell_heic,
    cell_office,
    cell_pdf,
    cell_text,
    cell_video,
    cell_vips,
)
from workers.rendering.refusal import Refused

_MODULES = {
    "heic": cell_heic,
    "pdf": cell_pdf,
    "office": cell_office,
    "video": cell_video,
    "audio": cell_audio,
    "text": cell_text,
}
# From effort 3 on the encoder takes twice as long, for one byte in thirty. Of photos 1 is the best
# in time, bytes and likeness; of what is drawn 2 saves one byte in six. What has few colours, as
# pages of text do, is smaller and sooner written without loss, unless its letters are specks.
_PHOTO = {"Q": 80, "effort": 1}
_DRAWING = {"Q": 80, "effort": 2}
_FEW_COLOURS = {"lossless": True, "Q": 0, "effort": 1}
_FEW, _SPECKS = 256, 400
_PHOTOS = frozenset({"jpeg", "heic", "video"})


def warm_up(options: dict[str, Any]) -> None:
    """Lock libvips, and load what the decoders need; leaves no thread behind."""
    cell_vips.lock()
    for module in _MODULES.values():
        module.warm_up()


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return pictures as the payload and their sizes, or the reason why there are none.

    Thumbnails of `sides` pixels; or, where `pages` says how many at most, pages of `side` pixels:
    as many as fit into `bytes` and `seconds`, and up to the first that cannot be drawn.
    """
    try:
        if "pages" in options:
            until = time.monotonic() + options["seconds"]
            pages = cell_pdf.pages(file, options["pages"], options["side"], until)
            return _encoded(pages, False, options["bytes"], until)
        photo = options["loader"].split()[0] in _PHOTOS
        return _encoded(_thumbnails(_loaded(file, options), options["sides"]), photo)
    except Refused as error:
        return {"refused": str(error)}, b""
    except (pyvips.Error, ValueError, OSError) as error:
        return {"refused": f"not decodable: {str(error)[:150]}"}, b""


def _loaded(file: BinaryIO, options: dict[str, Any]) -> pyvips.Image:
    """The picture of a file, fitted to the largest side."""
    loader, pixels, side = options["loader"], options["pixels"], max(options["sides"])
    if loader in cell_vips.LOADERS:
        return cell_vips.load(file, loader, pixels, side)
    # A loader may name more than a module: the demuxer, where there are several.
    module, *more = loader.split()
    return cell_vips.fit(_MODULES[module].load(file, pixels, side, *more), side)


def _thumbnails(image: pyvips.Image, sides: list[int]) -> Iterable[pyvips.Image]:
    for side in sides:
        yield image if side >= max(image.width, image.height) else cell_vips.fit(image, side)


def _encoded(
    images: Iterable[pyvips.Image], photo: bool, most: float = math.inf, until: float = math.inf
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


def _webp(image: pyvips.Image, photo: bool) -> bytes:
    """One picture without anything beside its pixels."""
    drawing = _FEW_COLOURS if not photo and _has_few_colours(image) else _DRAWING
    return bytes(image.webpsave_buffer(keep="none", **(_PHOTO if photo else drawing)))


def _has_few_colours(image: pyvips.Image) -> bool:
    if image.bands != 3 or max(image.width, image.height) <= _SPECKS:
        return False
    size, pixels = (image.width, image.height), image.write_to_memory()
    return Image.frombuffer("RGB", size, pixels, "raw", "RGB", 0, 1).getcolors(_FEW) is not None
