"""A bounded walk through everything that is packed inside a file.

Members of ZIP containers (Office documents among them), gzip streams, and attachments of PDFs, to
the depth that the limits allow. Everything is unpacked as a stream and stopped at a limit; stated
sizes may only refuse earlier, never allow. Names are labels: nothing is ever written anywhere.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal
from uploads.documents.readers.ziptable import Entry, read_table
from workers.inspection import pdfs
from workers.inspection.containers import container_of

CHUNK_BYTES = 256 * 1024
_STORED, _DEFLATED = 0, 8
_HEADS = ((b"PK\3\4", "zip"), (b"PK\5\6", "zip"), (b"%PDF-", "pdf"), (b"\x1f\x8b\x08", "gzip"))


@dataclass(frozen=True, slots=True)
class Member:
    """Something inside a file. `within` says in what: zip, document, pdf or gzip.

    `chunks` can be read once, before the next member is asked for.
    """

    label: str
    within: str
    chunks: Iterator[bytes]


def walk(file: BinaryIO, media_type: str, limits: Limits) -> Iterator[Member]:
    """Yield every member of a file of our type `media_type`, depth first.

    Raises: Refusal, when a limit is reached or a container cannot be read to its end.
    """
    if kind := container_of(media_type):
        yield from _descend(file, kind, "", 1, Budget(limits))


def read_entry(file: BinaryIO, entry: Entry, budget: Budget) -> Iterator[bytes]:
    """Yield the unpacked bytes of one ZIP entry, and check length and CRC at the end."""
    crc = total = 0
    pieces = _packed(file, entry)
    if entry.method == _DEFLATED:
        pieces = _inflate(pieces, -zlib.MAX_WBITS)
    elif entry.method != _STORED:
        raise Refusal("malformed-file", f"zip: compression method {entry.method}")
    for piece in pieces:
        total += len(piece)
        if total > entry.unpacked:
            raise Refusal("malformed-file", "zip: an entry is longer than stated")
        budget.unpack(len(piece), so_far=total, packed=entry.packed)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total != entry.unpacked or crc != entry.crc:
        raise Refusal("malformed-file", "zip: an entry's length or checksum is wrong")


def _descend(file: BinaryIO, kind: str, label: str, depth: int, budget: Budget) -> Iterator[Member]:
    if depth > budget.limits.depth:
        raise Refusal("too-deep", f"nested deeper than {budget.limits.depth}")
    within, members = _OPENERS[kind](file, budget)
    for name, chunks in members:
        path = label + name
        first = next(chunks, b"")
        inner = next((found for head, found in _HEADS if first.startswith(head)), None)
        if inner is None:
            yield Member(path, within, _chain(first, chunks))
            _drain(chunks)
            continue
        unpacked = io.BytesIO()
        for piece in _chain(first, chunks):
            unpacked.write(piece)
        yield Member(path, within, _read_all(unpacked))
        yield from _descend(unpacked, inner, path + "!", depth + 1, budget)


_Members = Iterator[tuple[str, Iterator[bytes]]]


def _open_zip(file: BinaryIO, budget: Budget) -> tuple[str, _Members]:
    entries = read_table(file, budget)
    names = {entry.name for entry in entries}
    within = "document" if names & {"[Content_Types].xml", "mimetype"} else "zip"
    files = (entry for entry in entries if not entry.is_folder)
    return within, ((entry.name, read_entry(file, entry, budget)) for entry in files)


def _open_gzip(file: BinaryIO, budget: Budget) -> tuple[str, _Members]:
    budget.enter(1)
    packed = file.seek(0, io.SEEK_END)
    pieces = _inflate(_read_all(file), 16 + zlib.MAX_WBITS)
    return "gzip", iter([("content", _metered(pieces, packed, budget))])


def _open_pdf(file: BinaryIO, budget: Budget) -> tuple[str, _Members]:
    return "pdf", _attachments(file, budget)


def _attachments(file: BinaryIO, budget: Budget) -> _Members:
    for number, (packed, raw) in enumerate(pdfs.attachments(file)):
        budget.enter(1)
        pieces: Iterator[bytes] = iter([raw])
        if packed:
            pieces = _inflate(pieces, zlib.MAX_WBITS)
        yield f"attachment-{number}", _metered(pieces, len(raw), budget)


_OPENERS: dict[str, Callable[[BinaryIO, Budget], tuple[str, _Members]]] = {
    "zip": _open_zip,
    "gzip": _open_gzip,
    "pdf": _open_pdf,
}


def _packed(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    done = 0
    while done < entry.packed:
        file.seek(entry.start + done)
        piece = file.read(min(CHUNK_BYTES, entry.packed - done))
        if not piece:
            raise Refusal("malformed-file", "zip: cut off")
        done += len(piece)
        yield piece


def _inflate(packed: Iterator[bytes], window_bits: int) -> Iterator[bytes]:
    """Inflate at most CHUNK_BYTES at a time. Only gzip may go on after the end of a stream."""
    inflater = zlib.decompressobj(window_bits)
    try:
        for piece in packed:
            left = piece
            while left:
                if inflater.eof:
                    if window_bits <= zlib.MAX_WBITS:
                        raise Refusal("malformed-file", "data after the end of a stream")
                    inflater = zlib.decompressobj(window_bits)
                if out := inflater.decompress(left, CHUNK_BYTES):
                    yield out
                left = inflater.unconsumed_tail or inflater.unused_data
        while not inflater.eof and (out := inflater.decompress(b"", CHUNK_BYTES)):
            yield out
    except zlib.error as error:
        raise Refusal("malformed-file", "a compressed stream is damaged") from error
    if not inflater.eof:
        raise Refusal("malformed-file", "a compressed stream is cut off")


def _metered(pieces: Iterator[bytes], packed: int, budget: Budget) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        budget.unpack(len(piece), so_far=total, packed=packed)
        yield piece


def _read_all(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(CHUNK_BYTES):
        yield piece


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _drain(chunks: Iterator[bytes]) -> None:
    """Read to the end what nobody wanted: limits and checksums count for it as well."""
    for _ in chunks:
        pass
