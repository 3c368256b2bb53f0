"""Exactly the bytes that were asked for, out of whatever a store answers to a Range.

What RFC 9110 section 14 allows and what stores do: 206 with Content-Range; the same with status 200
(rclone 1.75); the whole object with status 200. Anything else is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import urllib3

from uploads.documents.errors import StorageUnavailable

PIECE = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(?:\d+|\*)")


def pieces(
    response: urllib3.BaseHTTPResponse, offset: int, length: int, piece: int = PIECE
) -> Iterator[bytes]:
    """`length` bytes from `offset`, in pieces. Raises StorageUnavailable where they are not."""
    skip = _skipped(response, offset, length)
    left = length
    try:
        for data in response.stream(piece, decode_content=False):
            if skip >= len(data):
                skip -= len(data)
                continue
            wanted = data[skip : skip + left]
            skip = 0
            left -= len(wanted)
            yield wanted
            if not left:
                return
    except urllib3.exceptions.HTTPError as error:
        raise StorageUnavailable(type(error).__name__) from error
    raise StorageUnavailable(f"{left} of {length} bytes are missing")


def _skipped(response: urllib3.BaseHTTPResponse, offset: int, length: int) -> int:
    """How many bytes of the answer come before those that were asked for."""
    told = response.headers.get("Content-Range")
    if told is None:
        if response.status == 200:
            return offset
        raise StorageUnavailable("a part of an object without its place")
    found = _CONTENT_RANGE.fullmatch(told)
    if found is None or (int(found[1]), int(found[2])) != (offset, offset + length - 1):
        raise StorageUnavailable(f"another part of the object than asked for: {told[:80]}")
    return 0
