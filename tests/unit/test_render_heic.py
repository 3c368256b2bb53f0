"""HEIC that libheif refuses: refused with its reason, and no child that dies of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import samples
from tests.support.pictures import cell, opened
from workers.sandbox.parent import Cell


def changed(box: bytes, offset: int, value: bytes) -> bytes:
    """Another value so many bytes behind a box's name."""
    heic = samples.heic()
    at = heic.index(box) + 4 + offset
    return heic[:at] + value + heic[at + len(value) :]


REFUSED = {
    "no box": b"\0\0\0\x18",
    "half": samples.heic()[:600],
    "a later version": changed(b"hdlr", 0, b"\x02"),
    "items without number": changed(b"iinf", 4, b"\xff\xff"),
    "another brand": changed(b"ftyp", 0, b"xxxx" * 4),
    "no picture": changed(b"infe", 8, b"Exif"),
    "no pixels": changed(b"mdat", 0, bytes(200)),
    "vast": changed(b"ispe", 4, b"\0\x0f\0\0\0\x0f\0\0"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Cell]:
    made = cell()
    yield made
    made.close()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(shared: Cell, name: str) -> None:
    options = {"loader": "heic", "pixels": 10**8, "sides": [200]}
    with opened(REFUSED[name]) as file:
        reply = shared.run("render", file, options)
    assert reply.result["refused"]
