"""Bodies in memory while there is room, and on disk past it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from uploads.documents.errors import StorageFull
from uploads.documents.spool import Room, Spool

ROOM = 1000


def filled(room: Room, *pieces: bytes) -> Spool:
    spool = Spool(room)
    for piece in pieces:
        spool.write(piece)
    return spool


@pytest.mark.parametrize("sizes", [[10], [1] * 500, [600, 600], [10, 995, 3], [5000], []])
def test_what_goes_in_comes_out_as_often_as_asked(tmp_path: Path, sizes: list[int]) -> None:
    """In memory, on disk, and when it moves from one to the other in between."""
    pieces = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    spool = filled(Room(ROOM, tmp_path), *pieces)
    for _ in range(2):
        assert b"".join(spool) == b"".join(pieces)
    assert spool.size == sum(sizes)
    spool.close()


def test_the_room_is_shared_and_given_back(tmp_path: Path) -> None:
    room = Room(ROOM, tmp_path)
    first, second = filled(room, bytes(700)), filled(room, bytes(700))
    assert room.left == 300, "the second is on disk"
    second.close()
    first.close()
    first.close()
    assert room.left == ROOM


def test_what_moves_to_disk_leaves_its_room_to_others(tmp_path: Path) -> None:
    room = Room(ROOM, tmp_path)
    spool = filled(room, bytes(900), bytes(900))
    assert room.left == ROOM
    spool.close()


def test_a_file_has_no_name(tmp_path: Path) -> None:
    spool = filled(Room(0, tmp_path), b"content")
    assert b"".join(spool) == b"content"
    assert not list(tmp_path.iterdir())
    spool.close()


def test_many_small_pieces_are_not_many_objects(tmp_path: Path) -> None:
    spool = filled(Room(ROOM, tmp_path), *[b"x"] * 900)
    assert len(list(spool)) == 1


def test_a_large_piece_is_kept_as_it_came(tmp_path: Path) -> None:
    """Also behind small ones: what grows is moved again and again, and memory is left in holes."""
    large = b"y" * 20_000
    spool = filled(Room(1_000_000, tmp_path), b"x", b"x", large, large, b"x")
    assert [len(piece) for piece in spool] == [2, 20_000, 20_000, 1]
    assert [piece is large for piece in spool] == [False, True, True, False]


def test_a_full_disk_is_a_full_store(tmp_path: Path) -> None:
    class Full(Room):
        def new_file(self) -> IO[bytes]:
            return Path("/dev/full").open("wb", buffering=0)

    spool = Spool(Full(0, tmp_path))
    with pytest.raises(StorageFull):
        spool.write(b"content")
    spool.close()
