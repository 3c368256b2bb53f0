"""PDF in the cell: its first pages, drawn by pdfium at the size that is wanted.

The page's own size decides the shape only, never how many pixels are drawn. pdfium is built
without JavaScript and forms are not loaded, so nothing in the file acts.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2
import pyvips

from workers.rendering.refusal import Refused

_LARGEST_SCALE = 4.0  # pixels per point: a tiny page is not blown up without end
_SMALLEST_SIDE = 1.0  # points


def warm_up() -> None:
    """Draw an empty page of our own, so that pdfium has its fonts and tables.

    Without libvips, which would start threads.
    """
    _bitmap(pypdfium2.PdfDocument.new().new_page(60, 80), 8)


def load(file: BinaryIO, pixels: int, side: int) -> pyvips.Image:
    """Draw the first page, its longer side `side` pixels; raises Refused when there is none."""
    return _drawn(_document(file), 0, side)


def pages(file: BinaryIO, most: int, side: int) -> Iterator[pyvips.Image]:
    """Draw the first pages one after the other, at most `most`; ends with the first that fails."""
    document = _document(file)
    for number in range(min(most, len(document))):
        try:
            yield _drawn(document, number, side)
        except Refused:
            return


def _document(file: BinaryIO) -> pypdfium2.PdfDocument:
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    try:
        return pypdfium2.PdfDocument((ctypes.c_ubyte * len(content)).from_buffer(content))
    except pypdfium2.PdfiumError as error:
        raise Refused(f"not decodable: {error}") from error


def _drawn(document: pypdfium2.PdfDocument, number: int, side: int) -> pyvips.Image:
    try:
        page = document[number]
    except IndexError as error:
        raise Refused("no pages") from error
    except pypdfium2.PdfiumError as error:
        raise Refused(f"not decodable: {error}") from error
    try:
        return _draw(page, side)
    finally:
        page.close()


def _draw(page: pypdfium2.PdfPage, side: int) -> pyvips.Image:
    bitmap = _bitmap(page, side)
    image = pyvips.Image.new_from_memory(
        bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.n_channels, "uchar"
    )
    return image.extract_band(0, n=3).copy(interpretation="srgb").copy_memory()


def _bitmap(page: pypdfium2.PdfPage, side: int) -> pypdfium2.PdfBitmap:
    longer = max(page.get_size())
    if not math.isfinite(longer) or min(page.get_size()) <= 0 or longer < _SMALLEST_SIDE:
        raise Refused("a page without size")
    scale = min(side / longer, _LARGEST_SCALE)
    return page.render(scale=scale, may_draw_forms=False, rev_byteorder=True, prefer_bgrx=True)
