"""What every `Storage` must do with a range: run by S3 over a real server, and by the fake."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import urllib3

from tests.support.fakes import MemoryStorage
from tests.support.s3 import client, running_s3
from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.storage import ranges
from uploads.storage.protocol import Bucket, Storage

DATA = bytes(range(256)) * 4096
LENGTH = len(DATA)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(params=["s3", "memory"])
def storage(request: pytest.FixtureRequest, endpoint: str) -> Storage:
    made = client(endpoint) if request.param == "s3" else MemoryStorage()
    made.put(Bucket.CLEAN, "a/b", [DATA], LENGTH)
    return made


def read(storage: Storage, offset: int, length: int) -> bytes:
    with storage.open_range(Bucket.CLEAN, "a/b", offset, length) as pieces:
        return b"".join(pieces)


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, LENGTH),
        (0, 1),
        (1, LENGTH - 1),
        (LENGTH - 1, 1),
        (255, 300_000),
        (LENGTH - 300_000, 300_000),
    ],
)
def test_a_range_is_exactly_what_was_asked_for(storage: Storage, offset: int, length: int) -> None:
    assert read(storage, offset, length) == DATA[offset : offset + length]


def test_pieces_are_small_enough_for_many_slow_readers(storage: Storage) -> None:
    with storage.open_range(Bucket.CLEAN, "a/b", 10, LENGTH - 10) as pieces:
        got = [len(piece) for piece in pieces]
    assert max(got) <= 256 * 1024
    assert sum(got) == LENGTH - 10


@pytest.mark.parametrize(("offset", "length"), [(LENGTH - 1, 2), (LENGTH, 1), (LENGTH + 5, 5)])
def test_bytes_behind_the_end_are_never_made_up(storage: Storage, offset: int, length: int) -> None:
    with pytest.raises(StorageUnavailable):
        read(storage, offset, length)


def test_a_missing_object_is_missing(storage: Storage) -> None:
    with pytest.raises(ObjectMissing), storage.open_range(Bucket.CLEAN, "no/such", 0, 1):
        pass


def test_a_reader_that_stops_early_leaves_the_connection_usable(storage: Storage) -> None:
    with storage.open_range(Bucket.CLEAN, "a/b", 0, LENGTH) as pieces:
        next(pieces)
    assert read(storage, 5, 5) == DATA[5:10]


def answer(body: bytes, status: int, content_range: str | None) -> urllib3.HTTPResponse:
    headers: dict[str, Any] = {"Content-Length": str(len(body))}
    if content_range is not None:
        headers["Content-Range"] = content_range
    return urllib3.HTTPResponse(BytesIO(body), headers, status, preload_content=False)


@pytest.mark.parametrize(
    ("body", "status", "content_range"),
    [
        (b"cde", 206, "bytes 2-4/6"),
        (b"cde", 206, "bytes 2-4/*"),
        (b"cde", 200, "bytes 2-4/6"),  # rclone
        (b"abcdef", 200, None),  # a store that knows no ranges
    ],
)
@pytest.mark.parametrize("piece", [1, 2, 100])
def test_every_way_to_answer_gives_the_same(
    body: bytes, status: int, content_range: str | None, piece: int
) -> None:
    found = ranges.pieces(answer(body, status, content_range), 2, 3, piece)
    assert b"".join(found) == b"cde"


@pytest.mark.parametrize(
    ("body", "status", "content_range"),
    [
        (b"cde", 206, None),
        (b"bcd", 206, "bytes 1-3/6"),
        (b"cd", 206, "bytes 2-3/6"),
        (b"cde", 206, "nonsense"),
        (b"cd", 206, "bytes 2-4/6"),
        (b"abcd", 200, None),
    ],
)
def test_any_other_answer_is_none(body: bytes, status: int, content_range: str | None) -> None:
    """Never a short body that looks whole, never other bytes."""
    with pytest.raises(StorageUnavailable):
        b"".join(ranges.pieces(answer(body, status, content_range), 2, 3))


@pytest.mark.parametrize(
    ("status", "fields", "read", "whole"),
    [
        (206, {"content-range": "bytes 0-3/9", "content-length": "4"}, 4, 9),
        (200, {"content-range": "bytes 0-3/9", "content-length": "4"}, 4, 9),  # rclone
        (206, {"content-range": "bytes 0-1/2"}, 2, 2),
        (200, {"content-length": "9"}, 4, 9),
        (200, {"content-length": "2"}, 2, 2),
        (200, {}, 4, None),
        (206, {"content-range": "bytes 0-3/*"}, 4, None),
        (416, {"content-range": "bytes */0"}, 0, None),
    ],
)
def test_first_bytes_tell_the_size_of_all_of_it(
    status: int, fields: dict[str, str], read: int, whole: int | None
) -> None:
    assert ranges.whole_size(status, fields, read, 4) == whole


@pytest.mark.parametrize(
    ("status", "fields", "read"),
    [
        (206, {}, 4),
        (206, {"content-range": "bytes 1-4/9"}, 4),
        (206, {"content-range": "bytes 0-4/9"}, 4),
        (206, {"content-range": "bytes 0-2/9"}, 3),
        (206, {"content-range": "bytes */9"}, 4),
        (200, {"content-length": "9"}, 3),
        (200, {"content-length": "2"}, 4),
    ],
)
def test_a_size_is_never_taken_from_another_answer(
    status: int, fields: dict[str, str], read: int
) -> None:
    with pytest.raises(StorageUnavailable):
        ranges.whole_size(status, fields, read, 4)
