"""The child's side of rendering: decode one file with the one loader named, write small WebP.

Runs in the cell, on bytes of strangers: libraries are loaded and tried on a sample of our own
before confinement, and only the loader that was named is left unlocked in libvips.
"""

from __future__ import annotations

import importlib
import io
from types import ModuleType
from typing import Any, BinaryIO

import pyvips

from workers.rendering.refusal import Refused

# How each named loader is decoded: by which module, and what libvips calls it.
_VIPS = {
    "jpeg": "VipsForeignLoadJpeg",
    "png": "VipsForeignLoadPng",
    "gif": "VipsForeignLoadNsgif",
    "webp": "VipsForeignLoadWebp",
    "avif": "VipsForeignLoadHeif",
    "tiff": "VipsForeignLoadTiff",
}
_MODULES = {"heic": "workers.rendering.cell_heic", "pdf": "workers.rendering.cell_pdf"}
_WEBP = {"Q": 80, "keep": "none", "effort": 3}


def warm_up(options: dict[str, Any]) -> None:
    """Lock libvips down, and load every decoder. Computes no pixel: that would start threads."""
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in _MODULES:
        _module(loader).warm_up()


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return two thumbnails as the payload and their sizes, or the reason why there are none."""
    loader, pixels, sides = options["loader"], options["pixels"], options["sides"]
    try:
        if loader in _VIPS:
            pyvips.operation_block_set(_VIPS[loader], False)
            image = _load(file, loader, pixels, max(sides))
        else:
            image = _module(loader).load(file, pixels, max(sides))
        return _encode(image, sides)
    except Refused as error:
        return {"refused": str(error)}, b""
    except (pyvips.Error, ValueError, OSError) as error:
        return {"refused": f"not decodable: {str(error)[:150]}"}, b""


def _module(loader: str) -> ModuleType:
    return importlib.import_module(_MODULES[loader])


def _load(file: BinaryIO, loader: str, pixels: int, side: int) -> pyvips.Image:
    """Check the header, then decode as small as the format can by itself (JPEG, WebP).

    Never by libvips' own `thumbnail_source`: that one chooses the loader from the content, and was
    seen to draw files that are cut short.
    """
    head = _open(file, loader)
    if head.width * head.height > pixels:
        raise Refused(f"{head.width} x {head.height} pixels")
    return _fit(_open(file, loader, **_SMALLER.get(loader, _as_is)(head, side)), side)


def _open(file: BinaryIO, loader: str, **more: Any) -> pyvips.Image:
    """Read the header with the named loader; pixels follow from top to bottom, when asked for."""
    file.seek(0)
    source = pyvips.Source.new_from_descriptor(file.fileno())
    load = getattr(pyvips.Image, f"{'heif' if loader == 'avif' else loader}load_source")
    return load(source, access="sequential", fail_on="truncated", **more)


def _as_is(head: pyvips.Image, side: int) -> dict[str, Any]:
    return {}


def _jpeg_shrink(head: pyvips.Image, side: int) -> dict[str, Any]:
    """The decoder leaves out detail by 2, 4 or 8; twice the wanted size stays, for sharpness."""
    longer = max(head.width, head.height)
    return {"shrink": max(by for by in (1, 2, 4, 8) if by == 1 or longer >= 2 * side * by)}


def _webp_scale(head: pyvips.Image, side: int) -> dict[str, Any]:
    return {"scale": min(1.0, 2 * side / max(head.width, head.height))}


_SMALLER = {"jpeg": _jpeg_shrink, "webp": _webp_scale}


def _fit(image: pyvips.Image, side: int) -> pyvips.Image:
    """Fit into a square, never larger; upright by EXIF, in sRGB. Decodes here and only once."""
    small = image.thumbnail_image(side, height=side, size="down", export_profile="srgb")
    return small.copy_memory()


def _encode(image: pyvips.Image, sides: list[int]) -> tuple[dict[str, Any], bytes]:
    pictures, payload = [], io.BytesIO()
    for side in sides:
        small = _fit(image, side)
        data = small.webpsave_buffer(**_WEBP)
        pictures.append({"bytes": len(data), "width": small.width, "height": small.height})
        payload.write(data)
    return {"pictures": pictures}, payload.getvalue()
