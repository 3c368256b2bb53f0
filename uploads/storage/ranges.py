"""Exactly the bytes that were asked for, out of whatever a store answers to a Range.

What RFC 9110 section 14 allows and what stores do: 206 with Content-Range; the same with status 200
(rclone 1.75); the whole object with status 200. Anything else is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import urllib3

from uploads.documents.errors import StorageUnavailable

PIECE = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


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


def whole_size(status: int, fields: Mapping[str, str], read: int, asked: int) -> int | None:
    """The size of an object of which the first `asked` bytes were asked for and `read` have come.

    None where the answer does not tell it: with status 416, and where the server does not know.
    `fields` have their names in lower case. Raises StorageUnavailable for any other part, and for
    fewer bytes than there must be.
    """
    if status == 416:
        return None
    told = fields.get("content-range")
    if told is None and status != 200:
        raise StorageUnavailable("a part of an object without its place")
    found = None if told is None else _CONTENT_RANGE.fullmatch(told)
    if told is not None and (found is None or (int(found[1]), int(found[2])) != (0, read - 1)):
        raise StorageUnavailable(f"another part of the object than asked for: {told[:80]}")
    size = fields.get("content-length", "*") if found is None else found[3]
    if not size.isdecimal():
        return None
    if read != min(asked, int(size)):
        raise StorageUnavailable(f"{read} of {size} bytes, where {asked} were asked for")
    return int(size)
