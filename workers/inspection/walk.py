"""A bounded walk through everything that is packed inside a file.

Members of ZIP containers (Office documents among them), tar and ar, compressed streams, and
attachments of PDFs, to the depth that the limits allow. Everything is unpacked as a stream and
stopped at a limit; stated sizes may only refuse earlier, never allow. Names are labels: nothing is
ever written anywhere.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal, Steps
from uploads.documents.readers.ziptable import Entry, read_table
from workers.inspection import pdf_files, tars
from workers.inspection.carriers import CARRIERS
from workers.inspection.containers import PDF, container_of
from workers.inspection.deflated import whole
from workers.inspection.filters import check_count, steps_of, undo_filter
from workers.inspection.kept import TAIL_BYTES, Kept
from workers.inspection.unpacking import (
    CHUNK_BYTES,
    Unpacker,
    as_lzma_file,
    bunzip2,
    gathered,
    gunzip,
    inflate,
    unlzma,
    unpacked,
    unxz,
)

_STORED = 0
_METHODS = {8: inflate, 12: bunzip2, 14: unlzma}
_STREAMS = ("gzip", "bzip2", "xz")
_PACKINGS = frozenset((*range(1, 8), 9, 10, 16, *range(18, 21), *range(93, 99)))
"""Methods of APPNOTE 4.4.5 that other programs know; 9 is Deflate64."""

_Members = Iterator[tuple[str, Iterator[bytes]]]
Look = Callable[[str, BinaryIO], None]
"""Told kind and bytes of each container, RTF and OLE file that is inside; raises Refusal."""


@dataclass(frozen=True, slots=True)
class Member:
    """Something inside a file. `within` says in what: archive, document or pdf.

    `chunks` can be read once, before the next member is asked for.
    """

    label: str
    within: str
    chunks: Iterator[bytes]


def _pass_by(_: str, __: BinaryIO) -> None:
    """Look at nothing."""


def walk(
    file: BinaryIO, media_type: str, limits: Limits, look: Look = _pass_by
) -> Iterator[Member]:
    """Yield every member of a file of our type `media_type`, depth first.

    Documents and archives among them are shown to `look` before they are opened.

    Raises: Refusal, when a limit is reached or a container cannot be read to its end.
    """
    if kind := container_of(media_type):
        size = file.seek(0, io.SEEK_END)
        budget = Budget(limits, size, Steps.of_packed(size))
        yield from _descend(file, kind, "", 1, budget, look)
        if kind == PDF and (archive := _behind(file)) is not None:
            look("led zip", archive)
            yield from _descend(archive, "led zip", "behind!", 1, budget, look)


def _behind(file: BinaryIO) -> BinaryIO | None:
    """The ZIP that programs find in a PDF that look for one from its end, in a stream or not."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - TAIL_BYTES))
    if b"PK\5\6" not in file.read():
        return None
    kept = Kept(_read_all(file))
    for _ in kept.chunks:
        pass
    return kept.archive_at_end()


def read_entry(file: BinaryIO, entry: Entry, budget: Budget) -> Iterator[bytes]:
    """Yield the unpacked bytes of one ZIP entry, and check length and CRC at the end."""
    crc = total = 0
    for piece in _unpacked_entry(file, entry):
        total += len(piece)
        if total > entry.unpacked:
            raise Refusal("malformed-file", "zip: an entry is longer than stated")
        budget.unpack(len(piece), so_far=total, packed=entry.packed)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total != entry.unpacked or crc != entry.crc:
        raise Refusal("malformed-file", "zip: an entry's length or checksum is wrong")


def _unpacked_entry(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    if entry.method == _STORED:
        return _packed(file, entry)
    if (make := _METHODS.get(entry.method)) is not None:
        pieces = _packed(file, entry)
        if make is unlzma:
            pieces = as_lzma_file(pieces, entry.unpacked)
        return unpacked(pieces, make, padding=b"", repeats=False)
    reason = "unknown-packing" if entry.method in _PACKINGS else "malformed-file"
    raise Refusal(reason, f"zip: compression method {entry.method}")


def _packed(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    done = 0
    while done < entry.packed:
        file.seek(entry.start + done)
        piece = file.read(min(CHUNK_BYTES, entry.packed - done))
        if not piece:
            raise Refusal("malformed-file", "zip: cut off")
        done += len(piece)
        yield piece


def _descend(
    file: BinaryIO, kind: str, label: str, depth: int, budget: Budget, look: Look
) -> Iterator[Member]:
    if depth > budget.limits.depth:
        raise Refusal("too-deep", f"nested deeper than {budget.limits.depth}")
    within, members = _OPENERS[kind](file, budget)
    for name, pieces in members:
        # The first piece may be a single byte, where a stranger chose where blocks end.
        kept = Kept(gathered(pieces), name)
        yield Member(label + name, within, kept.chunks)
        if (document := kept.document()) is not None:
            look(*document)
        for inner, content in kept.containers(budget):
            look(inner, content)
            level = _level(kind, inner)
            yield from _descend(content, inner, label + name + "!", depth + level, budget, look)


def _level(kind: str, inner: str) -> int:
    """What one thing within another counts as depth.

    A tar in its compression is one archive to people, and a document that is no archive is none.
    """
    if inner == "tar" and kind in _STREAMS:
        return 0
    return 0 if inner in CARRIERS and kind not in CARRIERS else 1


def _open_zip(file: BinaryIO, budget: Budget, *, led: bool = False) -> tuple[str, _Members]:
    entries = read_table(file, budget, led=led)
    names = {entry.name for entry in entries}
    within = "document" if names & {"[Content_Types].xml", "mimetype"} else "archive"
    files = (entry for entry in entries if not entry.is_folder)
    return within, ((entry.name, read_entry(file, entry, budget)) for entry in files)


def _open_stream(
    file: BinaryIO, budget: Budget, make: Callable[[], Unpacker]
) -> tuple[str, _Members]:
    budget.enter(1)
    packed = file.seek(0, io.SEEK_END)
    pieces = unpacked(_read_all(file), make)
    return "archive", iter([("content", _metered(pieces, packed, budget))])


def _open_tar(
    file: BinaryIO, budget: Budget, read: Callable[[BinaryIO, Budget], _Members]
) -> tuple[str, _Members]:
    size = file.seek(0, io.SEEK_END)
    members = read(file, budget)
    return "archive", ((name, _metered(pieces, size, budget)) for name, pieces in members)


def _open_carrier(
    file: BinaryIO, budget: Budget, read: Callable[[BinaryIO, Budget], tuple[str, _Members]]
) -> tuple[str, _Members]:
    size = file.seek(0, io.SEEK_END)
    within, members = read(file, budget)
    return within, ((name, _metered(pieces, size, budget)) for name, pieces in members)


def _open_packed(file: BinaryIO, budget: Budget) -> tuple[str, _Members]:
    """A stream of zlib, which no program opens as a file: what comes out of it counts."""
    budget.enter(1)
    size = file.seek(0, io.SEEK_END)
    return "archive", iter([("content", _metered(whole(file), size, budget))])


def _open_pdf(file: BinaryIO, budget: Budget) -> tuple[str, _Members]:
    return "pdf", _attachments(file, budget)


def _attachments(file: BinaryIO, budget: Budget) -> _Members:
    for number, (raw, filters) in enumerate(pdf_files.attachments(file, budget)):
        budget.enter(1)
        check_count(len(filters))
        pieces = _read_all(io.BytesIO(raw))
        for name, parameters in filters:
            # What comes out of each goes into the next one: any of them may be the bomb.
            undone = gathered(undo_filter(name, parameters, pieces))
            steps = partial(steps_of, name, parameters)
            pieces = _counted(_metered(undone, len(raw), budget), steps, budget)
        yield f"attachment-{number}", pieces


_OPENERS: dict[str, Callable[[BinaryIO, Budget], tuple[str, _Members]]] = {
    "zip": _open_zip,
    "led zip": partial(_open_zip, led=True),
    "gzip": partial(_open_stream, make=gunzip),
    "bzip2": partial(_open_stream, make=bunzip2),
    "xz": partial(_open_stream, make=unxz),
    "tar": partial(_open_tar, read=tars.read_tar),
    "ar": partial(_open_tar, read=tars.read_ar),
    "pdf": _open_pdf,
    "zlib": _open_packed,
    **{kind: partial(_open_carrier, read=read) for kind, read in CARRIERS.items()},
}


def _metered(pieces: Iterator[bytes], packed: int, budget: Budget) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        budget.unpack(len(piece), so_far=total, packed=packed)
        yield piece


def _counted(
    pieces: Iterator[bytes], steps: Callable[[int], int], budget: Budget
) -> Iterator[bytes]:
    for piece in pieces:
        budget.look(steps(len(piece)))
        yield piece


def _read_all(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(CHUNK_BYTES):
        yield piece
