"""Pictures by libvips in the cell: one named loader unlocked, decoded as small as it can.

Loaders never choose themselves by content: all are blocked but the one that our own type names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyvips
from PIL import Image

from workers.rendering.refusal import Refused

# What libvips calls the named loaders.
LOADERS = {
    "jpeg": "VipsForeignLoadJpeg",
    "png": "VipsForeignLoadPng",
    "gif": "VipsForeignLoadNsgif",
    "webp": "VipsForeignLoadWebp",
    "avif": "VipsForeignLoadHeif",
    "tiff": "VipsForeignLoadTiff",
}

Opening = Callable[[], pyvips.Source]


def lock() -> None:
    """Block every loader, and keep no results. Starts no thread."""
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)


def load(file: BinaryIO, loader: str, pixels: int, side: int) -> Image.Image:
    """Decode an open file to fit into a square of `side`; raises Refused, pyvips.Error."""

    def source() -> pyvips.Source:
        file.seek(0)
        return pyvips.Source.new_from_descriptor(file.fileno())

    return decode(source, loader, pixels, side)


def decode(source: Opening, loader: str, pixels: int, side: int) -> Image.Image:
    """Check the header, then decode as small as the format can by itself (JPEG, WebP).

    Never by libvips' own `thumbnail_source`: that one chooses the loader from the content, and was
    seen to draw files that are cut short.
    """
    with _unlocked(LOADERS[loader]):
        head = _open(source, loader)
        if head.width * head.height > pixels:
            raise Refused(f"{head.width} x {head.height} pixels")
        smaller = _SMALLER.get(loader, _as_is)(head, side)
        return fit(_open(source, loader, **smaller), side)


@contextmanager
def _unlocked(loader: str) -> Iterator[None]:
    """One loader, for as long as a file is decoded: the next file's may be another."""
    pyvips.operation_block_set(loader, False)
    try:
        yield
    finally:
        pyvips.operation_block_set(loader, True)


def fit(image: pyvips.Image, side: int) -> Image.Image:
    """Fit into a square, never larger; upright by EXIF, in sRGB. Decodes here and only once.

    Pixels that are sRGB already are left as they are: converting them through a profile would cost
    more than all the rest.
    """
    profiled = image.get_typeof("icc-profile-data") != 0
    export = {} if not profiled and image.interpretation in _PLAIN else {"export_profile": "srgb"}
    small = image.thumbnail_image(side, height=side, size="down", **export)
    plain = small.colourspace("b-w" if small.bands < 3 else "srgb")
    mode = _MODES[min(plain.bands, len(_MODES)) - 1]
    pixels = plain.extract_band(0, n=len(mode)).cast("uchar").write_to_memory()
    return Image.frombuffer(mode, (plain.width, plain.height), pixels, "raw", mode, 0, 1)


_MODES = ("L", "LA", "RGB", "RGBA")
_PLAIN = ("srgb", "b-w", "rgb16", "grey16")


def _open(source: Opening, loader: str, **more: Any) -> pyvips.Image:
    """Read the header with the named loader; pixels follow from top to bottom, when asked for."""
    read = getattr(pyvips.Image, f"{'heif' if loader == 'avif' else loader}load_source")
    return read(source(), access="sequential", fail_on="truncated", **more)


def _as_is(head: pyvips.Image, side: int) -> dict[str, Any]:
    return {}


def _jpeg_shrink(head: pyvips.Image, side: int) -> dict[str, Any]:
    """The decoder leaves out detail by 2, 4 or 8; what stays is still larger than is wanted.

    A little larger: sizes are rounded, and a picture must not be blown up.
    """
    longer = max(head.width, head.height)
    return {"shrink": max(by for by in (1, 2, 4, 8) if by == 1 or longer >= side * by + by)}


def _webp_scale(head: pyvips.Image, side: int) -> dict[str, Any]:
    return {"scale": min(1.0, 2 * side / max(head.width, head.height))}


_SMALLER = {"jpeg": _jpeg_shrink, "webp": _webp_scale}
