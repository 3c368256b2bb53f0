"""How far entries of an archive may swell: freely to a bound, each and together; the same at the
door and in the worker.
"""

from __future__ import annotations

import io

import pytest

from tests.support.hostile_archives import deflated_zeros
from tests.support.zip_bytes import Piece, make_zip
from uploads.documents.policy import TAIL_BYTES
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading
from workers.inspection import cell_structure

MIB = 1024 * 1024
ZIP = "application/zip"


def _refused(data: bytes) -> set[str | None]:
    """What the door and the worker say."""
    reading = Reading(ZIP, Limits(), TAIL_BYTES)
    found = None
    try:
        reading.feed(data)
        reading.close()
    except Refusal as refusal:
        found = refusal.reason
    options = {**Limits().options(), "type": ZIP}
    return {found, cell_structure.run(io.BytesIO(data), options)[0].get("reason")}


def test_a_plain_picture_may_swell_at_any_ratio() -> None:
    """A screenshot as BMP: some 30 MiB of one colour are 30 KiB packed."""
    assert _refused(make_zip(deflated_zeros(31 * MIB))) == {None}


@pytest.mark.parametrize("entries", [(40,), (12, 12, 12, 12)])
def test_what_swells_further_is_a_bomb(entries: tuple[int, ...]) -> None:
    pieces = [deflated_zeros(size * MIB, b"%d" % at) for at, size in enumerate(entries)]
    assert _refused(make_zip(*pieces)) == {"bomb"}


def test_the_larger_a_file_is_the_more_may_swell_in_it() -> None:
    pictures = deflated_zeros(31 * MIB, b"a"), deflated_zeros(12 * MIB, b"b")
    assert _refused(make_zip(*pictures)) == {"bomb"}
    assert _refused(make_zip(*pictures, Piece(b"c", bytes(20_000), method=0))) == {None}
