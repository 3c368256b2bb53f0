"""PDF in the cell: its first pages, drawn by pdfium at the size that is wanted.

The page's own size decides the shape only, never how many pixels are drawn. pdfium is built
without JavaScript and forms are not loaded, so nothing in the file acts.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import time
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2
import pypdfium2.raw as raw
from PIL import Image

from workers.rendering.refusal import Refused

_LARGEST_SCALE = 4.0  # pixels per point: a tiny page is not blown up without end
_SMALLEST_SIDE = 1.0  # points
_WHITE = (255, 255, 255, 255)


def warm_up() -> None:
    """Draw an empty page of our own, so that pdfium has its fonts and tables.

    Without libvips, which would start threads.
    """
    _bitmap(pypdfium2.PdfDocument.new().new_page(60, 80), 8)


def load(file: BinaryIO, pixels: int, side: int) -> Image.Image:
    """Draw the first page, its longer side `side` pixels; raises Refused when there is none."""
    return _drawn(_document(file), 0, side)


def pages(file: BinaryIO, most: int, side: int, until: float) -> Iterator[Image.Image]:
    """Draw the first pages one after the other, at most `most`.

    Ends with the first that cannot be drawn, or not by `until` on the monotonic clock.
    """
    document = _document(file)
    for number in range(min(most, len(document))):
        try:
            yield _drawn(document, number, side, until)
        except Refused:
            return


def _document(file: BinaryIO) -> pypdfium2.PdfDocument:
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    try:
        return pypdfium2.PdfDocument((ctypes.c_ubyte * len(content)).from_buffer(content))
    except pypdfium2.PdfiumError as error:
        raise Refused(f"not decodable: {error}") from error


def _drawn(
    document: pypdfium2.PdfDocument, number: int, side: int, until: float = math.inf
) -> Image.Image:
    try:
        page = document[number]
    except IndexError as error:
        raise Refused("no pages") from error
    except pypdfium2.PdfiumError as error:
        raise Refused(f"not decodable: {error}") from error
    try:
        bitmap = _bitmap(page, side, until)
    finally:
        page.close()
    size = (bitmap.width, bitmap.height)
    return Image.frombuffer("RGB", size, bitmap.buffer, "raw", "RGBX", bitmap.stride, 1)


def _bitmap(page: pypdfium2.PdfPage, side: int, until: float = math.inf) -> pypdfium2.PdfBitmap:
    """Draw a page; raises Refused when that is not done by `until`."""
    shown = page.get_size()
    longer = max(shown)
    if not math.isfinite(longer) or min(shown) <= 0 or longer < _SMALLEST_SIDE:
        raise Refused("a page without size")
    scale = min(side / longer, _LARGEST_SCALE)
    width, height = (min(side, math.ceil(one * scale)) for one in shown)
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGRx, rev_byteorder=True)
    bitmap.fill_rect(_WHITE, 0, 0, width, height)
    flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
    _patience.until = until
    status = raw.FPDF_RenderPageBitmap_Start(
        bitmap, page, 0, 0, width, height, 0, flags, _patience.pause
    )
    raw.FPDF_RenderPage_Close(page)
    if status != raw.FPDF_RENDER_DONE:
        raise Refused("a page that takes long, or cannot be drawn")
    return bitmap


class _Patience:
    """Asked by pdfium between the things that it draws whether to stop.

    Made while modules are loaded: what C calls needs memory that may be executed, and a confined
    child gets none.
    """

    def __init__(self) -> None:
        self.until = math.inf
        self.pause = raw.IFSDK_PAUSE(version=1)
        self.pause.NeedToPauseNow = type(self.pause.NeedToPauseNow)(self._is_over)

    def _is_over(self, _pause: object) -> bool:
        return time.monotonic() > self.until


_patience = _Patience()
