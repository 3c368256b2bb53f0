"""Streams of bytes on their way in: looking at the head, counting against a limit.

Knows nothing of HTTP; a door hands over an iterator of pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

from uploads.documents.errors import FileTooLarge


def peek(pieces: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `size` bytes (fewer at the end) and an iterator over all bytes again."""
    first: list[bytes] = []
    have = 0
    for piece in pieces:
        first.append(piece)
        have += len(piece)
        if have >= size:
            break
    head = b"".join(first)[:size]
    return head, _chain(first, pieces)


def _chain(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """Hand out the first pieces and forget them, so that they do not live as long as the rest."""
    while first:
        yield first.pop(0)
    yield from rest


def metered(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Pass pieces on; raise FileTooLarge with the first byte past `limit`."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise FileTooLarge(limit)
        yield piece
        del piece  # nobody keeps a piece while waiting for the next
