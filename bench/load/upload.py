"""What one client sends: an HTTP request whose body is mostly one block, sent again and again.

A body is described, not held: ten thousand of them fit between two processes, and sending one
costs the client no more than the kernel's copy.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BLOCK_BYTES = 1024 * 1024
# Incompressible and the same in every run; small enough to stay in the processor's cache.
BLOCK = memoryview(random.Random(1).randbytes(BLOCK_BYTES))  # noqa: S311 -- no secret
_BUFFERS = 64
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Upload:
    """One request: `head`, then `filler` bytes of the block, what is `further`, then `tail`.

    `head` ends with the first bytes of the body; `expected` is the status of success.
    """

    head: bytes
    filler: int
    tail: bytes
    expected: int
    port: int | None = None
    """Where it goes, if not where the plan says."""
    then: Callable[[bytes], Upload] | None = None
    """What is sent after the answer, made of its body: several requests can be one upload."""
    files: int = 1
    """How many files are there when this is answered and nothing follows."""
    further: tuple[tuple[bytes, int], ...] = ()
    """More of the body behind the filler: bytes as they are, each with a filler behind them."""
    sign: Callable[[], str] | None = None
    """Makes the target anew right before it is sent; only a program's clients ask for it."""

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        more = sum(len(lead) + filler for lead, filler in self.further)
        return len(self.head) + self.filler + more + len(self.tail)

    def buffers(self, start: int, limit: int) -> list[memoryview]:
        """The bytes from `start`, at most `limit` of them and at most a few buffers."""
        found: list[memoryview] = []
        end = min(self.size, start + limit)
        while start < end and len(found) < _BUFFERS:
            piece = self._piece(start)[: end - start]
            found.append(piece)
            start += len(piece)
        return found

    def body(self) -> bytes:
        """All behind the headers, as one piece of memory."""
        start, pieces = self.head.index(HEAD_END) + len(HEAD_END), list[memoryview]()
        while start < self.size:
            pieces.append(self._piece(start))
            start += len(pieces[-1])
        return b"".join(pieces)

    def _piece(self, start: int) -> memoryview:
        for lead, filler in ((self.head, self.filler), *self.further):
            if start < len(lead):
                return memoryview(lead)[start:]
            start -= len(lead)
            if start < filler:
                at = start % BLOCK_BYTES
                return BLOCK[at : at + filler - start]
            start -= filler
        return memoryview(self.tail)[start:]


def request_head(method: str, target: str, port: int, length: int, *headers: str) -> bytes:
    """Request line and headers. `headers` are whole lines without their ends."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Content-Length: {length}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def film(size: int) -> bytes:
    """The first bytes of an MP4 file that is `size` bytes long and has nothing but media data.

    ISO/IEC 14496-12: a file type box, then one media data box with a size of 64 bits.
    """
    kind = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    return kind + b"\0\0\0\1mdat" + (size - len(kind)).to_bytes(8, "big")


def raw_upload(
    method: str, target: str, port: int, size: int, expected: int, *headers: str
) -> Upload:
    """A file of `size` bytes as the whole body."""
    start = film(size)
    head = request_head(method, target, port, size, *headers)
    return Upload(head + start, size - len(start), b"", expected)


_BOUNDARY = "----bench-7f3a1c5e9b2d4806"


def form_upload(
    target: str, port: int, size: int, expected: int, name: str, field: str, *headers: str,
    fields: tuple[tuple[str, str], ...] = (),
) -> Upload:  # fmt: skip
    """A file of `size` bytes as the last part of a multipart/form-data body (RFC 7578)."""
    before = "".join(f"{_part(key)}\r\n{value}\r\n" for key, value in fields).encode()
    return _form(target, port, size, expected, [name], field, *headers, before=before)


def form_of_many(
    target: str, port: int, size: int, expected: int, names: Sequence[str], sha256: str | None,
    *headers: str,
) -> Upload:  # fmt: skip
    """So many files of `size` bytes in one form, perhaps each with its digest, which all have."""
    after = b"" if sha256 is None else f"\r\n{_part('sha256')}\r\n{sha256}".encode()
    return _form(target, port, size, expected, names, "file", *headers, after=after)


def _part(name: str) -> str:
    return f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'


def _form(
    target: str, port: int, size: int, expected: int, names: Sequence[str], field: str,
    *headers: str, before: bytes = b"", after: bytes = b"",
) -> Upload:  # fmt: skip
    start, sections = film(size), list[tuple[bytes, int]]()
    for name in names:
        named = _part(field).removesuffix("\r\n") + f'; filename="{name}"\r\n'
        part = f"{named}Content-Type: video/mp4\r\n\r\n".encode()
        between = after + b"\r\n" if sections else before
        sections.append((between + part + start, size - len(start)))
    tail = after + f"\r\n--{_BOUNDARY}--\r\n".encode()
    length = sum(len(lead) + filler for lead, filler in sections) + len(tail)
    kind = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"
    head = request_head("POST", target, port, length, kind, *headers)
    (lead, filler), *further = sections
    return Upload(head + lead, filler, tail, expected, files=len(names), further=tuple(further))
