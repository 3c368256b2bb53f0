"""The cell's task `yara`: the rules over a file and over everything packed inside it.

Runs in the parser cell. All that needs a file, a thread or executable memory (the rules are
compiled to machine code) happens in `warm_up`, before confinement.
"""

from __future__ import annotations

import io
import math
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pikepdf
import yara_x

from uploads.documents.readers.limits import Budget, Limits, Refusal
from workers.inspection import rulebook
from workers.inspection.unpacking import CHUNK_BYTES
from workers.inspection.walk import walk

_WINDOW_BYTES = 32 * 1024 * 1024
_OVERLAP_BYTES = 64 * 1024
_MOST_MATCHES = 10_000
"""Of one pattern in one window: rules that count, ours do, take so many for a find."""
_ready: list[yara_x.Scanner] = []


def warm_up(options: dict[str, Any]) -> None:
    """Compile all rules and walk through samples of our own. Raises: RulesBroken."""
    folders = [Path(one) for one in options["folders"]]
    if rulebook.digest(*folders) != options["signatures"]:
        raise rulebook.RulesBroken("the rules changed meanwhile")
    scanner = yara_x.Scanner(rulebook.compile_rules(*folders))
    scanner.max_matches_per_pattern(_MOST_MATCHES)
    _ready[:] = [scanner]
    for media_type, sample in samples():
        run(io.BytesIO(sample), {**Limits().options(), "type": media_type})


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return `outcome`, and `finding` (the rule) or `reason` (why not everything was seen)."""
    try:
        finding = _first_find(file, options["type"], Limits.of(options))
    except Refusal as refusal:
        return {
            "outcome": "unscannable",
            "reason": refusal.reason,
            "finding": refusal.detail,
        }, b""
    except yara_x.TimeoutError:
        return {"outcome": "unscannable", "reason": "timeout", "finding": "rules"}, b""
    except MemoryError:
        return {"outcome": "unscannable", "reason": "bomb", "finding": "memory"}, b""
    if finding:
        return {"outcome": "infected", "finding": finding}, b""
    return {"outcome": "clean"}, b""


def samples() -> Iterator[tuple[str, bytes]]:
    """Yield one small file for each way of unpacking, with each other nested in it."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.attachments["a"] = b"sample"
    plain, locked, packed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pdf.save(plain)
    pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user=""))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ä.pdf", plain.getvalue())
        archive.writestr("[Content_Types].xml", b"<a/>")
    yield "application/pdf", plain.getvalue()
    yield "application/pdf", locked.getvalue()
    yield "application/zip", packed.getvalue()
    yield "application/pdf", b"not a PDF at all"
    yield "application/zip", b"PK\3\4 not an archive"


def _first_find(file: BinaryIO, media_type: str, limits: Limits) -> str | None:
    """Return the first rule that matches. A find inside ends the walk, whatever else is there."""
    scanner = _ready[0]
    scanner.set_global("kind", media_type)
    scanner.set_global("within", "")
    if found := _scan(scanner, _chunks(file), limits):
        return found
    for member in walk(file, media_type, limits):
        scanner.set_global("within", member.within)
        if found := _scan(scanner, member.chunks, limits):
            return found
    return None


def _scan(scanner: yara_x.Scanner, chunks: Iterator[bytes], limits: Limits) -> str | None:
    first, budget = True, Budget(limits)
    for window in _windows(chunks):
        budget.check_time()
        if limits.deadline is not None:
            scanner.set_timeout(max(1, math.ceil(limits.deadline - time.monotonic())))
        scanner.set_global("first", first)
        first = False
        if matching := scanner.scan(window).matching_rules:
            return str(matching[0].identifier)
    return None


def _windows(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Join chunks to windows that overlap, so that nothing hides on a border."""
    window = bytearray()
    for chunk in chunks:
        window += chunk
        if len(window) >= _WINDOW_BYTES:
            yield bytes(window)
            del window[:-_OVERLAP_BYTES]
    yield bytes(window)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
