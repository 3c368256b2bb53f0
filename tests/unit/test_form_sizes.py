"""How much of its file a form says will come, before it does."""

from __future__ import annotations

import io

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from uploads import bodies
from uploads.inbound import Inbound

FILE = bytes(3_000_000)


class HeadFirst(io.BytesIO):
    """A body whose first piece ends with the header of its part, as a network may cut it."""

    def read(self, size: int | None = -1) -> bytes:
        head = self.getvalue().index(b"\r\n\r\n") + 4
        return super().read(head if self.tell() == 0 else size)


def at_least(
    content: bytes, *, boundary: str = "b", end: bytes = b"\r\n", length: bool = True
) -> int:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--".encode() + end
    environ = EnvironBuilder(method="POST").get_environ()
    environ["CONTENT_TYPE"] = f"multipart/form-data; boundary={boundary}"
    environ["wsgi.input"] = Inbound(HeadFirst(body), len(body) if length else None)
    part = bodies.sole_file(Request(environ), 5)
    assert b"".join(part.pieces) == content
    return part.at_least


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize("boundary", ["b", "b" * 70])
def test_a_form_knows_its_files_size_but_for_a_few_bytes(boundary: str, end: bytes) -> None:
    """Never more than comes: a quota must not be full of what nobody sends."""
    assert 0 <= len(FILE) - at_least(FILE, boundary=boundary, end=end) < 80


def test_of_a_few_bytes_and_of_a_form_in_chunks_nothing_is_certain() -> None:
    assert at_least(b"content") == 0
    assert at_least(FILE, length=False) == 0
