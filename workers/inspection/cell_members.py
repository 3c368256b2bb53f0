"""The cell's task `members`: hand out what is packed in a file, one thing after the other.

Runs in the parser cell. Names stay inside: a member is told by its place alone. A frame begins
with one byte that says what it is: `M` more of the present member, `E` its end.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection import cell_yara
from workers.inspection.walk import walk
from workers.sandbox.child import say
from workers.sandbox.frames import LARGEST, framed

MORE, END = b"M", b"E"
_ROOM = LARGEST - len(MORE)


def warm_up(options: dict[str, Any]) -> None:
    """Walk through samples of our own."""
    for media_type, sample in cell_yara.samples():
        try:
            list(_members(io.BytesIO(sample), media_type, Limits()))
        except Refusal:
            continue


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return `outcome`: clean when all was handed out, and else `reason` and `finding`."""
    found: dict[str, Any] = {"outcome": "clean"}
    members = _members(file, options["type"], Limits.of(options))
    try:
        for frame in framed(_until_refused(members, found)):
            say(frame)
    except MemoryError:
        return {"outcome": "unscannable", "reason": "bomb", "finding": "memory"}, b""
    return found, b""


def _members(file: BinaryIO, media_type: str, limits: Limits) -> Iterator[bytes]:
    for member in walk(file, media_type, limits):
        for chunk in member.chunks:
            # Cut here: a frame that is cut on its way has its mark in its first piece alone.
            for at in range(0, len(chunk), _ROOM):
                yield MORE + chunk[at : at + _ROOM]
        yield END


def _until_refused(frames: Iterator[bytes], found: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield from frames
    except Refusal as refusal:
        found.update(outcome="unscannable", reason=refusal.reason, finding=refusal.detail)
