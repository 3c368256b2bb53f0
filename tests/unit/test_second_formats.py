"""Archives in any bytes, and where a sound ends: found wherever they stand, and never by chance."""

from __future__ import annotations

import io
import random

import pytest

from tests.support import second_formats
from tests.support.recordings import sound
from tests.support.zip_bytes import Piece, make_zip
from uploads.documents.readers.limits import Budget, Limits, Refusal
from workers.inspection.checks import buried, mpeg

ARCHIVES = {
    "RAR": second_formats.rar(),
    "7z": second_formats.seven_zip(),
    "cabinet": second_formats.cabinet(),
    "ACE": second_formats.ace(),
    "ARJ": second_formats.arj(),
    "LHA": second_formats.lha(),
    "ZIP": make_zip(Piece(b"a", b"x")),
}
FAR = ("RAR", "7z", "cabinet", "ZIP")


def found(data: bytes, **limits: float) -> str | None:
    return buried.archive_in(io.BytesIO(data), Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_found_wherever_pieces_end(name: str) -> None:
    """At every place around the border of two pieces, and as the last bytes of a file."""
    archive, piece = ARCHIVES[name], buried._PIECE_BYTES
    for border in (piece, piece - buried._HEAD_BYTES):
        for before in range(-10, len(archive) + 10):
            lead = bytes(border - before)
            assert found(lead + archive) == name, (border, before)
            assert found(lead + archive + bytes(2 * piece)) == name, (border, before)
    assert found(bytes(piece) + archive + bytes(piece)) == name


@pytest.mark.parametrize("name", ARCHIVES)
def test_how_far_each_is_looked_for(name: str) -> None:
    """Where no program looks for it any more, it is nothing."""
    far = bytes(buried._NEAR_BYTES + buried._PIECE_BYTES)
    assert found(far + ARCHIVES[name]) == (name if name in FAR else None)


def test_random_bytes_hold_none() -> None:
    """Two bytes of ARJ's mark are in each 64 KiB of them."""
    data = random.Random(7).randbytes(8 * 1024 * 1024)
    assert data.count(b"\x60\xea") > 99
    assert found(data) is None


def test_looking_ends_with_the_time_of_the_file() -> None:
    with pytest.raises(Refusal, match="timeout"):
        found(b"x", deadline=0.0)


@pytest.mark.parametrize(
    ("codec", "rate"),
    [
        *(("libmp3lame", rate) for rate in (44_100, 48_000, 22_050, 8_000)),
        *(("mp2", rate) for rate in (44_100, 24_000)),
    ],
)
def test_frames_of_encoders_follow_each_other_to_the_end(codec: str, rate: int) -> None:
    """Their lengths are told from their headers: nothing is left between and behind them."""
    data = sound("mp2" if codec == "mp2" else "mp3", codec, seconds=1, rate=rate)
    assert gaps(data) == []
    assert gaps(data + b"more") == [(len(data), len(data) + 4)]
    assert gaps(data[:-200]) == []


def test_frames_of_a_free_bit_rate_tell_their_length_by_those_that_follow() -> None:
    data = second_formats.free_sound()
    assert gaps(data) == []
    assert gaps(data + b"more") == [(len(data), len(data) + 4)]


def gaps(data: bytes) -> list[tuple[int, int]]:
    return list(mpeg._Sound(io.BytesIO(data), Budget(Limits())).gaps())
