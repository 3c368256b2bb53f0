"""What a signed PUT binds, against a server that really checks signatures."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.support.fakes import MemoryStorage
from tests.support.ports import free_port
from tests.support.s3 import client, running_s3
from tests.support.waiting import eventually
from uploads.documents.errors import ObjectMissing
from uploads.storage.protocol import Beginning, Bucket, Storage
from uploads.storage.s3 import S3

KEY = "grant/00001"
BODY = b"hello"
HEADERS = {"Content-Type": "image/png", "Content-Length": "5"}
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
CHECKED = {**HEADERS, "x-amz-checksum-sha256": SHA256, "x-amz-sdk-checksum-algorithm": "SHA256"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def s3(endpoint: str) -> S3:
    return client(endpoint)


@pytest.fixture
def url(s3: S3) -> str:
    return s3.sign_put(Bucket.INCOMING, KEY, headers=HEADERS, seconds=600)


def send(method: str, url: str, body: bytes | None = None, **headers: str | None) -> int:
    """The status of one request; `headers` replace the signed ones, None leaves one out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    whole = {**HEADERS, **named} if method == "PUT" else named
    sent = {name: value for name, value in whole.items() if value is not None}
    return urllib3.request(method, url, body=body, headers=sent, retries=False, timeout=60).status


@pytest.mark.parametrize(
    ("headers", "signed"),
    [
        (HEADERS, "content-length;content-type;host"),
        ({"Content-Length": "5"}, "content-length;host"),
        (
            CHECKED,
            "content-length;content-type;host;x-amz-checksum-sha256;x-amz-sdk-checksum-algorithm",
        ),
    ],
    ids=["put", "part", "checked put"],
)
def test_every_header_given_is_signed_and_no_other(headers: dict[str, str], signed: str) -> None:
    """SigV4 in the query, for the public address, and nothing of the headers moved into it."""
    away = client("http://127.0.0.1:1", "https://files.example.org", "my-")
    url = urlsplit(away.sign_put(Bucket.INCOMING, KEY, headers=headers, seconds=900))
    assert f"{url.scheme}://{url.netloc}{url.path}" == (
        "https://files.example.org/my-incoming/grant/00001"
    )
    query = parse_qs(url.query)
    assert query.pop("X-Amz-SignedHeaders") == [signed]
    assert query.pop("X-Amz-Algorithm") == ["AWS4-HMAC-SHA256"]
    assert query.pop("X-Amz-Expires") == ["900"]
    assert re.fullmatch("[0-9a-f]{64}", query.pop("X-Amz-Signature")[0])
    assert set(query) == {"X-Amz-Credential", "X-Amz-Date"}


def test_it_puts_that_object_as_often_as_one_likes(s3: S3, url: str) -> None:
    for body in (BODY, b"other", BODY):
        assert send("PUT", url, body) == 200
        assert s3.first(Bucket.INCOMING, KEY, 9) == Beginning(body, len(body))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"hello!", {"Content_Length": "6"}),
        (b"hell", {"Content_Length": "4"}),
        (BODY, {"Content_Type": "text/html"}),
        (BODY, {"Content_Type": None}),
        (BODY, {"x_amz_meta_a": "b"}),
        (BODY, {"x_amz_acl": "public-read"}),
        (BODY, {"x_amz_tagging": "a=b"}),
        (BODY, {"x_amz_storage_class": "GLACIER"}),
        (BODY, {"x_amz_copy_source": "/clean/a/b"}),
    ],
    ids=lambda word: str(word),
)
def test_with_anything_else_about_the_body_it_is_refused(
    s3: S3, url: str, body: bytes, headers: dict[str, str | None]
) -> None:
    s3.delete(Bucket.INCOMING, KEY)
    assert send("PUT", url, body, **headers) == 403
    assert s3.stat(Bucket.INCOMING, KEY) is None


def test_with_any_other_target_it_is_refused(s3: S3, url: str) -> None:
    changed = [
        url.replace("00001", "00002"),
        url.replace("incoming", "clean"),
        url.replace("X-Amz-Expires=600", "X-Amz-Expires=900"),
        url + "&acl",
        url + "&partNumber=1&uploadId=1",
        url.replace("127.0.0.1", "localhost"),
    ]
    assert [send("PUT", one, BODY) for one in changed] == [403] * len(changed)
    assert send("PUT", url.partition("?")[0], BODY) == 400
    assert [send(verb, url) for verb in ("GET", "HEAD", "DELETE")] == [403] * 3
    assert not list(s3.list(Bucket.CLEAN))


def test_its_life_is_part_of_it(s3: S3) -> None:
    url = s3.sign_put(Bucket.INCOMING, KEY, headers=HEADERS, seconds=1)
    said: list[int] = []

    def refused() -> bool:
        said.append(send("PUT", url, BODY))
        return said[-1] != 200

    eventually(refused, 60, every=0.2)
    assert said[-1] == 400


def test_it_lives_on_when_the_store_is_started_anew(tmp_path: Path) -> None:
    """Nothing of a grant is in the store: what was put stays, what was not can still be put."""
    port = free_port()
    with running_s3(tmp_path, port) as endpoint:
        s3 = client(endpoint)
        parts = [
            s3.sign_put(
                Bucket.INCOMING, f"grant/0000{n}", headers={"Content-Length": "5"}, seconds=600
            )
            for n in (1, 2)
        ]
        assert send("PUT", parts[0], BODY) == 200
    with running_s3(tmp_path, port):
        assert send("PUT", parts[1], b"world") == 200
        assert [one.size for one in s3.list(Bucket.INCOMING, "grant/")] == [5, 5]


def test_this_store_does_not_look_at_a_signed_checksum(s3: S3) -> None:
    """Which is why none is signed for it, and why the worker reads before anything counts."""
    url = s3.sign_put(Bucket.INCOMING, KEY, headers=CHECKED, seconds=600)
    more = {name.replace("-", "_"): value for name, value in CHECKED.items()}
    assert send("PUT", url, BODY, **more) == 200
    assert send("PUT", url, b"other", **more) == 200
    assert send("PUT", url, BODY) == 403, "it is signed all the same"


@pytest.fixture(params=["s3", "memory"])
def storage(request: pytest.FixtureRequest, endpoint: str) -> Storage:
    return client(endpoint) if request.param == "s3" else MemoryStorage()


def test_the_first_bytes_are_the_first_and_no_more(storage: Storage) -> None:
    data = bytes(range(256)) * 8192
    storage.put(Bucket.INCOMING, "a/first", [data], len(data))
    for size in (1, 4096, len(data), len(data) + 1):
        found = storage.first(Bucket.INCOMING, "a/first", size)
        assert found == Beginning(data[:size], len(data))
    storage.put(Bucket.INCOMING, "a/empty", [], 0)
    assert storage.first(Bucket.INCOMING, "a/empty", 4096) == Beginning(b"", 0)
    with pytest.raises(ObjectMissing):
        storage.first(Bucket.INCOMING, "no/such", 4096)
