"""The letters that pictures are written with, in the cell: one font out of a package of ours.

Loaded whole before confinement, so nothing is read from a path or from the host afterwards. What it
has no letter for is drawn as an empty box.
"""

from __future__ import annotations

import io
from pathlib import Path

import fontpkg_source_code_pro
from PIL import Image, ImageDraw, ImageFont

_FILE = Path(fontpkg_source_code_pro.ROOT) / "files" / "SourceCodePro[wght].ttf"
_REGULAR = [400.0]
_loaded: dict[int, ImageFont.FreeTypeFont] = {}


def warm_up(*sizes: int) -> None:
    """Load the font in each size, in pixels, and draw with it once."""
    data = _FILE.read_bytes()
    for size in sizes:
        loaded = ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.BASIC)
        loaded.set_variation_by_axes(_REGULAR)
        _loaded[size] = loaded
        ImageDraw.Draw(Image.new("RGB", (size, size))).text((0, 0), "A", font=loaded)


def font(size: int) -> ImageFont.FreeTypeFont:
    """The font in a size that was loaded."""
    return _loaded[size]
