"""What an OpenDocument says that it is: by a member that need not be the first."""

from __future__ import annotations

import io
import random

import pytest

from tests.support.benign_files import DOCX, ODF, pack
from uploads.documents.policy import TAIL_BYTES
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading, read_whole

ODS = ODF + "spreadsheet"
_PARTS = {"META-INF/manifest.xml": b"<m/>", "meta.xml": b"<a/>"}


def _at_the_door(data: bytes) -> None:
    reading = Reading(ODS, Limits(), TAIL_BYTES)
    reading.feed(data)
    reading.close()


def _in_the_worker(data: bytes) -> None:
    read_whole(io.BytesIO(data), ODS, Limits())


def _reasons(data: bytes) -> set[str | None]:
    """What the door and the worker say."""
    found: set[str | None] = set()
    for judge in (_at_the_door, _in_the_worker):
        try:
            judge(data)
        except Refusal as refusal:
            found.add(refusal.reason)
        else:
            found.add(None)
    return found


def _spreadsheet(
    said: str = ODS, *, stored: tuple[str, ...] = ("mimetype",), **more: bytes
) -> bytes:
    return pack(
        {**_PARTS, **more, "mimetype": said.encode(), "content.xml": b"<c/>"}, stored=stored
    )


def test_the_member_may_stand_behind_others() -> None:
    assert _reasons(_spreadsheet()) == {None}


@pytest.mark.parametrize(
    "data",
    [
        _spreadsheet(ODF + "text"),
        _spreadsheet(DOCX),
        _spreadsheet(stored=()),
        _spreadsheet(**{"a.bin": random.Random(1).randbytes(99_999)}),
        pack(
            {**_PARTS, "a/mimetype": ODS.encode(), "content.xml": b"<c/>"}, stored=("a/mimetype",)
        ),
    ],
)
def test_packed_far_behind_or_of_another_type_it_says_nothing(data: bytes) -> None:
    assert _reasons(data) == {"type-mismatch"}
