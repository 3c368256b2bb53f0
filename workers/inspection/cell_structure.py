"""The cell's task `structure`: which check a type has, and what its end means.

Runs in the parser cell. Whatever raises over a file is that file's fault: it is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from workers.inspection import cell_yara
from workers.inspection.checks import media, office, opendocument, pdf, pictures, text
from workers.inspection.limits import Limits, Refusal
from workers.inspection.walk import walk

_Check = Callable[[BinaryIO, str, Limits], None]


def warm_up(options: dict[str, Any]) -> None:
    """Run every kind of check once, over samples of our own: later no module can be loaded."""
    for media_type, sample in _samples():
        run(io.BytesIO(sample), {**options, "type": media_type})


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
    if media_type.startswith(office.PREFIX):
        return [office.check_office, _check_members]
    if media_type.startswith(opendocument.PREFIX):
        return [opendocument.check_opendocument, _check_members]
    if media_type in pictures.TYPES:
        return [pictures.check_picture]
    if media_type in media.TYPES:
        return [media.check_media]
    if media_type in text.TYPES:
        return [text.check_text]
    return _OTHERS.get(media_type, [])


def _check_members(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Unpack everything, to the depth allowed, and throw it away: limits and checksums speak."""
    for _ in walk(file, media_type, limits):
        pass


_OTHERS: dict[str, list[_Check]] = {
    "application/zip": [_check_members],
    "application/pdf": [pdf.check_pdf, _check_members],
    "application/rtf": [text.check_rtf],
}


def _samples() -> Iterator[tuple[str, bytes]]:
    yield from cell_yara.samples()
    for _, sample in cell_yara.samples():
        yield office.PREFIX + "wordprocessingml.document", sample
        yield opendocument.PREFIX + "text", sample
    for media_type in sorted(pictures.TYPES | media.TYPES | text.TYPES | {"application/rtf"}):
        yield media_type, b"a sample that is nothing"
