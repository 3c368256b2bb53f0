"""What a parser of forms leaves open: where a form begins and ends, and what is said twice.

A body is cut anywhere on its way, and others may have read it before: what is in it must go neither
by the cuts nor by the reader. Knows nothing of requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from multipart import ParserError, PushMultipartParser

from uploads.searching import holds

ENDS = (b"", b"\r", b"\r\n")
"""What may stand behind the last delimiter."""

# A header of a part; what breaks a line for others breaks it nowhere here.
_HEADER = re.compile(rb"[!#-'*+\-.^-z|~\w]+:[^\r\n]*", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAMETER = re.compile(r";\s*([^=;\s]+)\s*=")


class Parser(PushMultipartParser):  # type: ignore[misc]
    """The package's parser, but for headers of a part that others would read as two, or as none."""

    def _on_segment_headerline(self, line: bytes) -> None:
        if not _HEADER.fullmatch(line):
            raise ParserError("Malformed segment header")
        super()._on_segment_headerline(line)


def framed(boundary: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a form that begins with its first delimiter and ends with its last one.

    A line break around it is let pass; the one behind it is kept from the parser, which takes it
    only in one piece. Raises ValueError for anything else.
    """
    return _to_the_end(boundary, _from_the_beginning(boundary, pieces))


def _from_the_beginning(boundary: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    head, first = b"", b"--" + boundary
    for piece in pieces:
        head += piece
        del piece  # nobody keeps a piece while waiting for the next
        if len(head) >= len(first) + 2:
            break
    if not head.startswith((first, b"\r\n" + first)):
        raise ValueError("it does not begin with a delimiter")
    yield head
    del head
    yield from pieces


def _to_the_end(boundary: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    last = b"\r\n--" + boundary + b"--"
    # A form without parts begins with its end.
    tail, after = b"\r\n", None
    for piece in pieces:
        if after is None:
            yield piece
            near = tail + piece[-len(last) - 2 :]
            after = next((end for end in ENDS if near.endswith(last + end)), None)
            if after is not None and holds((tail + piece)[: -len(after) - 1], last):
                raise ValueError("something follows the last part")
            tail = near[-len(last) - 2 :]
            del piece  # nobody keeps a piece while waiting for the next
        else:
            after += piece
            if after not in ENDS:
                raise ValueError("something follows the last part")
    if after is None:
        raise ValueError("it does not end with its last delimiter")


def says_twice(header: str) -> bool:
    """Whether a header has a parameter twice, of which others may believe the other one."""
    if header.count("=") < 2:
        return False
    names = [name.lower() for name in _PARAMETER.findall(_QUOTED.sub('""', header))]
    return len(set(names)) < len(names)
