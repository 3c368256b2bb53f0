"""What every `Storage` must do: run by S3 over a real server, and by the fake."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.support.fakes import MemoryStorage
from tests.support.ports import free_port
from tests.support.s3 import client, running_s3
from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.storage.counted import CountedStorage
from uploads.storage.protocol import Bucket, Storage
from uploads.storage.s3 import S3


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(params=["s3", "memory", "counted"])
def storage(request: pytest.FixtureRequest, endpoint: str) -> Storage:
    if request.param == "s3":
        return client(endpoint)
    return MemoryStorage() if request.param == "memory" else CountedStorage(MemoryStorage())


def read(storage: Storage, bucket: Bucket, key: str) -> bytes:
    with storage.open(bucket, key) as pieces:
        return b"".join(pieces)


def test_what_is_put_in_pieces_comes_back_whole(storage: Storage) -> None:
    storage.put(Bucket.INCOMING, "a/whole", [b"he", b"llo"], 5)
    assert read(storage, Bucket.INCOMING, "a/whole") == b"hello"


def test_a_large_object_comes_in_pieces_of_a_mebibyte_at_most(storage: Storage) -> None:
    data = bytes(range(256)) * 4096 * 3
    storage.put(Bucket.CLEAN, "a/large", [data], len(data))
    with storage.open(Bucket.CLEAN, "a/large") as pieces:
        got = list(pieces)
    assert max(len(piece) for piece in got) <= 1024 * 1024
    assert b"".join(got) == data


def test_a_body_shorter_than_announced_is_not_stored(storage: Storage) -> None:
    with pytest.raises(StorageUnavailable):
        storage.put(Bucket.INCOMING, "a/short", [b"he"], 5)
    assert storage.stat(Bucket.INCOMING, "a/short") is None


def test_a_missing_object_is_missing(storage: Storage) -> None:
    assert storage.stat(Bucket.CLEAN, "no/such") is None
    with pytest.raises(ObjectMissing), storage.open(Bucket.CLEAN, "no/such"):
        pass


def test_without_its_bucket_no_object_is_called_missing(endpoint: str) -> None:
    """A wrong prefix is a store set up wrongly: nothing is given up for it."""
    elsewhere = client(endpoint, bucket_prefix="no-such-")
    with pytest.raises(StorageUnavailable), elsewhere.open(Bucket.CLEAN, "a/whole"):
        pass


def test_deleting_twice_is_quiet(storage: Storage) -> None:
    storage.put(Bucket.INCOMING, "a/gone", [b"x"], 1)
    storage.delete(Bucket.INCOMING, "a/gone")
    storage.delete(Bucket.INCOMING, "a/gone")
    assert storage.stat(Bucket.INCOMING, "a/gone") is None


def test_a_list_names_what_is_below_a_prefix(storage: Storage) -> None:
    for key in ("list/b", "list/a", "other/c"):
        storage.put(Bucket.QUARANTINE, key, [b"xy"], 2)
    found = list(storage.list(Bucket.QUARANTINE, "list/"))
    assert [(one.key, one.size) for one in found] == [("list/a", 2), ("list/b", 2)]


def test_stat_tells_size_and_an_aware_time(storage: Storage) -> None:
    storage.put(Bucket.INCOMING, "a/stat", [b"xyz"], 3)
    found = storage.stat(Bucket.INCOMING, "a/stat")
    assert found is not None
    assert found.size == 3
    assert found.modified_at.tzinfo is not None


def test_ready_means_that_all_buckets_answer(storage: Storage) -> None:
    storage.ready()


def test_a_reader_that_stops_early_leaves_the_connection_usable(storage: Storage) -> None:
    data = b"z" * 3_000_000
    storage.put(Bucket.CLEAN, "a/early", [data], len(data))
    with storage.open(Bucket.CLEAN, "a/early") as pieces:
        next(pieces)
    assert read(storage, Bucket.CLEAN, "a/early") == data


def test_a_signed_url_downloads_with_the_type_and_name_we_chose(endpoint: str) -> None:
    s3 = client(endpoint)
    s3.put(Bucket.CLEAN, "a/signed", [b"%PDF"], 4)
    url = s3.sign_get(
        Bucket.CLEAN,
        "a/signed",
        disposition='attachment; filename="x.pdf"',
        content_type="application/pdf",
        seconds=60,
    )
    answer = urllib3.request("GET", url)
    assert (answer.status, answer.data) == (200, b"%PDF")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="x.pdf"'
    assert answer.headers["Content-Type"] == "application/pdf"
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["60"]


def test_a_signed_url_with_another_key_or_name_is_refused(endpoint: str) -> None:
    s3 = client(endpoint)
    s3.put(Bucket.CLEAN, "a/mine", [b"1"], 1)
    s3.put(Bucket.CLEAN, "a/yours", [b"2"], 1)
    url = s3.sign_get(
        Bucket.CLEAN, "a/mine", disposition="attachment", content_type="text/plain", seconds=60
    )
    for changed in (url.replace("a/mine", "a/yours"), url.replace("attachment", "inline")):
        assert urllib3.request("GET", changed, retries=False).status == 403


def test_clients_get_urls_of_the_public_address(endpoint: str) -> None:
    s3 = client(endpoint, "https://files.example.org")
    url = s3.sign_get(
        Bucket.CLEAN, "a/b", disposition="attachment", content_type="text/plain", seconds=60
    )
    assert url.startswith("https://files.example.org/clean/a/b?")


def test_a_store_that_is_away_is_unavailable() -> None:
    gone = client(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StorageUnavailable):
        gone.put(Bucket.INCOMING, "a/b", [b"x"], 1)
    with pytest.raises(StorageUnavailable):
        gone.ready()


def test_wrong_keys_are_unavailable_and_never_missing(endpoint: str) -> None:
    """A rotated key must not look like an absent object."""
    stranger = S3(
        endpoint=endpoint,
        public_url=endpoint,
        region="us-east-1",
        access_key="testaccess",
        secret_key="not-the-secret",
    )
    with pytest.raises(StorageUnavailable):
        stranger.stat(Bucket.CLEAN, "a/b")


class LosesTheTail(MemoryStorage):
    """Deliberately broken: keeps all but the last byte."""

    def put(self, bucket: Bucket, key: str, body: object, size: int) -> None:  # type: ignore[override]
        super().put(bucket, key, [b"".join(body)[:-1]], size - 1)  # type: ignore[arg-type]


def test_this_suite_notices_a_store_that_loses_bytes() -> None:
    """The suite itself must be able to fail."""
    with pytest.raises(AssertionError):
        test_what_is_put_in_pieces_comes_back_whole(LosesTheTail())
