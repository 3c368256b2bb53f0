"""Running the readers: at the door over a stream, in the worker over the file at rest.

Both run the same reader of a type, so a refusal has the same word wherever it is found. What a
stream cannot show (a way back, a table larger than the tail that is kept) is left to the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from uploads.documents.readers import boxes, jpeg, media, packages, pdf, pictures, texts, tiff
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.tail import Tail
from uploads.documents.readers.window import Ask, OutOfReach, Walk, Window, walk_file

_Reader = Callable[[Window, Limits], Ask[None]]

READERS: dict[str, _Reader] = {
    "image/jpeg": jpeg.read_jpeg,
    "image/png": pictures.read_png,
    "image/gif": pictures.read_gif,
    "image/webp": pictures.read_webp,
    "image/avif": boxes.read_heif,
    "image/heic": boxes.read_heif,
    "image/tiff": tiff.read_tiff,
    "application/pdf": pdf.read_pdf,
    "text/plain": texts.read_text,
    "text/csv": texts.read_text,
    "text/markdown": texts.read_text,
    "text/x-source": texts.read_text,
    "text/html": texts.read_text,
    "application/json": texts.read_json,
    "image/svg+xml": texts.read_text,
    "application/rtf": texts.read_rtf,
    "video/mp4": boxes.read_film,
    "video/quicktime": boxes.read_film,
    "audio/mp4": boxes.read_film,
    "video/webm": media.read_webm,
    "audio/mpeg": media.read_mp3,
    "audio/wav": media.read_wav,
    "audio/ogg": media.read_ogg,
}
"""The reader of each type that is no ZIP package."""

_NO_TEXT = frozenset(kind for kind in READERS if kind.startswith(("image/", "video/", "audio/")))
_PDF_HEAD_BYTES = 1024


def is_known(media_type: str) -> bool:
    """Whether files of this type have a reader."""
    return media_type in READERS or packages.is_package(media_type)


class Reading:
    """One file on its way in. Holds a piece, and for packages the last `tail_bytes`, twice."""

    def __init__(self, media_type: str, limits: Limits, tail_bytes: int) -> None:
        self._type = media_type
        self._limits = limits
        self._walk = Walk(_reader(media_type, limits))
        self._tail = Tail(tail_bytes) if packages.is_package(media_type) else None

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Raises Refusal."""
        if not self._walk.done:
            self._walk.feed(piece)
        if self._tail is not None:
            self._tail.feed(piece)

    def close(self) -> None:
        """Say that the file has ended. Raises Refusal."""
        self._walk.close()
        if self._tail is None:
            return
        try:
            packages.check_package(self._tail, self._type, self._limits)
        except OutOfReach:
            return  # the worker reads the same table from the whole file


def read_whole(file: BinaryIO, media_type: str, limits: Limits) -> int | None:
    """Read a file at rest; the offset of what stands behind its end by declaration, or None.

    Raises Refusal.
    """
    extras_at = walk_file(file, _reader(media_type, limits)).extras_at
    if packages.is_package(media_type):
        packages.check_package(file, media_type, limits)
    return extras_at


def _reader(media_type: str, limits: Limits) -> Callable[[Window], Ask[None]]:
    reader = READERS.get(media_type)
    if reader is None:
        return lambda window: packages.read_package_head(window, media_type)
    if media_type in _NO_TEXT:
        return lambda window: _no_pdf(window, reader, limits)
    return lambda window: reader(window, limits)


def _no_pdf(window: Window, reader: _Reader, limits: Limits) -> Ask[None]:
    """Some programs open what has a PDF's head anywhere in its first KiB as a PDF."""
    if b"%PDF-" in (yield from window.peek(_PDF_HEAD_BYTES)):
        raise Refusal("second-format", "a PDF as well")
    yield from reader(window, limits)
