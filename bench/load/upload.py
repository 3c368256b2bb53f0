"""What one client sends: an HTTP request whose body is mostly one block, sent again and again.

A body is described, not held: ten thousand of them fit between two processes, and sending one
costs the client no more than the kernel's copy.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

BLOCK_BYTES = 1024 * 1024
# Incompressible and the same in every run; small enough to stay in the processor's cache.
BLOCK = memoryview(random.Random(1).randbytes(BLOCK_BYTES))  # noqa: S311 -- no secret
_BUFFERS = 8
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Upload:
    """One request: `head`, then `filler` bytes of the block, then `tail`.

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
    sign: Callable[[], str] | None = None
    """Makes the target anew right before it is sent; only a program's clients ask for it."""

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.head) + self.filler + len(self.tail)

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
        if start < len(self.head):
            return memoryview(self.head)[start:]
        within = start - len(self.head)
        if within < self.filler:
            at = within % BLOCK_BYTES
            return BLOCK[at : at + self.filler - within]
        return memoryview(self.tail)[within - self.filler :]


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


def form_upload(
    target: str, port: int, size: int, expected: int, name: str, field: str, *headers: str,
    fields: tuple[tuple[str, str], ...] = (),
) -> Upload:  # fmt: skip
    """A file of `size` bytes as the last part of a multipart/form-data body (RFC 7578)."""
    boundary = "----bench-7f3a1c5e9b2d4806"
    start = film(size)
    plain = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields
    )
    part = (
        f"{plain}--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    kind = f"Content-Type: multipart/form-data; boundary={boundary}"
    head = request_head("POST", target, port, len(part) + size + len(tail), kind, *headers)
    return Upload(head + part + start, size - len(start), tail, expected)
