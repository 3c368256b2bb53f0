"""The child's side of rendering: decode one file with the one loader named, write small WebP.

Runs in the cell, on bytes of strangers: modules and tables are loaded before confinement, and only
the loader that was named is ever unlocked.
"""

from __future__ import annotations

import time
from typing import Any, BinaryIO

import pyvips
from PIL import Image

from workers.rendering import (
    cell_heic,
    cell_office,
    cell_pdf,
    cell_pictures,
    cell_text,
    cell_vips,
)
from workers.rendering.refusal import Refused

_MODULES = {"heic": cell_heic, "pdf": cell_pdf, "office": cell_office, "text": cell_text}
_PHOTOS = frozenset({"jpeg", "heic"})


def warm_up(options: dict[str, Any]) -> None:
    """Lock libvips, and load what the decoders need; leaves no thread behind."""
    cell_vips.lock()
    cell_pictures.warm_up()
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
            return cell_pictures.encoded(pages, False, options["bytes"], until)
        photo = options["loader"].split()[0] in _PHOTOS
        pictures = cell_pictures.thumbnails(_loaded(file, options), options["sides"])
        return cell_pictures.encoded(pictures, photo)
    except Refused as error:
        return {"refused": str(error)}, b""
    except (pyvips.Error, ValueError, OSError) as error:
        return {"refused": f"not decodable: {str(error)[:150]}"}, b""


def _loaded(file: BinaryIO, options: dict[str, Any]) -> Image.Image:
    """The picture of a file, about as large as the largest side."""
    loader, pixels, side = options["loader"], options["pixels"], max(options["sides"])
    if loader in cell_vips.LOADERS:
        return cell_vips.load(file, loader, pixels, side)
    # A loader may name more than a module: the form of a text.
    module, *more = loader.split()
    image: Image.Image = _MODULES[module].load(file, pixels, side, *more)
    return image
