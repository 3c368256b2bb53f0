"""The cell's task `structure`: which check a type has, and what its end means.

Runs in the parser cell. Whatever raises over a file is that file's fault: it is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from uploads.documents.readers import packages, reading
from uploads.documents.readers.limits import Budget, Limits, Refusal, Steps
from workers.inspection import cell_yara
from workers.inspection.checks import (
    buried,
    mpeg,
    nested,
    office,
    opendocument,
    pdf,
    rtf,
    tables,
    text,
    tiff_extents,
    trailers,
)
from workers.inspection.walk import walk

_Check = Callable[[BinaryIO, str, Limits], None]
_PDF = "application/pdf"


def warm_up(options: dict[str, Any]) -> None:
    """Run every kind of check once, over samples of our own: later no module can be loaded."""
    for media_type, sample in _samples():
        run(io.BytesIO(sample), {**Limits().options(), "type": media_type})


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return `outcome` (clean, unscannable, not-applicable), and `reason` and `finding` with it."""
    media_type, limits = options["type"], Limits.of(options)
    checks = _checks_of(media_type)
    if not checks:
        return {"outcome": "not-applicable"}, b""
    try:
        for check in checks:
            check(file, media_type, limits)
    except Refusal as refusal:
        return _refused(refusal.reason, refusal.detail), b""
    except MemoryError:
        return _refused("bomb", "memory"), b""
    except Exception as error:  # noqa: BLE001 - a parser that fails refuses the file, whatever it says
        return _refused("malformed-file", type(error).__name__), b""
    return {"outcome": "clean"}, b""


def _refused(reason: str, detail: str) -> dict[str, Any]:
    return {"outcome": "unscannable", "reason": reason, "finding": detail}


def _checks_of(media_type: str) -> list[_Check]:
    """The door's own reader first, over the whole file; then what only the worker can see."""
    if not reading.is_known(media_type):
        return []
    if media_type.startswith(office.PREFIX):
        return [_check_headers, office.check_office, nested.check_second, _check_members]
    if media_type.startswith(opendocument.PREFIX):
        check = opendocument.check_opendocument
        return [_check_headers, check, nested.check_second, _check_members]
    return [_check_headers, *_OTHERS.get(media_type, [])]


def _check_headers(file: BinaryIO, media_type: str, limits: Limits) -> None:
    extras_at = reading.read_whole(file, media_type, limits)
    if extras_at is not None:
        trailers.check_extras(file, extras_at)
    if not packages.is_package(media_type):
        trailers.check_archive_tail(file, to_the_end=media_type == _PDF)
        if media_type != _PDF:
            buried.check_buried(file, limits)


def _check_pdf(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Reading its objects is what takes long: only one with attachments is read once more."""
    maybe_led = trailers.check_inner_archives(file, limits)
    if pdf.check_pdf(file, Budget(limits)) or maybe_led:
        _check_members(file, media_type, limits)


def _check_members(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Unpack everything, to the depth allowed, and throw it away: limits and checksums speak.

    Documents in it are checked as they would be alone.
    """
    steps = Steps.of_packed(file.seek(0, io.SEEK_END))
    look = partial(nested.check_nested, limits=limits, steps=steps)
    for _ in walk(file, media_type, limits, look):
        pass


def _check_package(file: BinaryIO, _: str, limits: Limits) -> None:
    """A ZIP may be a document whose kind its names leave open."""
    steps = Steps.of_packed(file.seek(0, io.SEEK_END))
    nested.check_package(file, Budget(limits, steps=steps))


def _check_rtf(file: BinaryIO, _: str, limits: Limits) -> None:
    rtf.check_rtf(file, Budget(limits))


_OTHERS: dict[str, list[_Check]] = {
    "application/zip": [_check_package, _check_members],
    _PDF: [_check_pdf],
    "application/rtf": [_check_rtf, _check_members],
    "image/png": [_check_members],
    "image/tiff": [tiff_extents.check_tiff_end],
    "audio/mpeg": [mpeg.check_mpeg, _check_members],
    "text/csv": [tables.check_table],
    "image/svg+xml": [text.check_svg],
}


def _samples() -> Iterator[tuple[str, bytes]]:
    yield from cell_yara.samples()
    for _, sample in cell_yara.samples():
        yield office.PREFIX + "wordprocessingml.document", sample
        yield opendocument.PREFIX + "text", sample
    for media_type in reading.READERS:
        yield media_type, b"a sample that is nothing"
