"""Whether a store looks at a signed checksum: found out with rclone, which does not, and behind a
front that does; and what a grant then signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.support.checking_store import checking
from tests.support.granted import DIGEST, give
from tests.support.line import TEXT, Line
from tests.support.ports import free_port
from tests.support.s3 import client, running_s3
from uploads import clock
from uploads.documents.granting import SignedRequest, Terms
from uploads.proofs import Finding, StoreProof
from uploads.storage.protocol import Bucket
from uploads.storage.s3 import S3
from workers.proving import Prover


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.records.close()


def found(s3: S3) -> Finding:
    """What a try finds; nothing of it may stay."""
    nowhere = StoreProof("redis://127.0.0.1:1/0", "a store")
    finding = Prover(storage=s3, proof=nowhere, new_id=clock.new_id).find()
    assert not list(s3.list(Bucket.INCOMING))
    return finding


def signed(line: Line, s3: S3, finding: Finding) -> SignedRequest:
    """The request of a grant whose client promised a digest."""
    line.granting._storage = s3
    line.granting._terms = Terms(86400, 900, lambda: finding is Finding.PROVED)
    (made,) = line.granting.requests(give(line, expected_sha256=DIGEST), [1])
    return made


def names(request: SignedRequest) -> list[str]:
    return parse_qs(urlsplit(request.url).query)["X-Amz-SignedHeaders"]


def put(request: SignedRequest, body: bytes) -> int:
    headers = dict(request.headers)
    return urllib3.request("PUT", request.url, body=body, headers=headers, retries=False).status


def test_a_store_that_looks_is_proved_and_the_checksum_is_signed(endpoint: str, line: Line) -> None:
    with checking(endpoint) as front:
        s3 = client(endpoint, front)
        request = signed(line, s3, found(s3))
        assert names(request) == [
            "content-length;content-type;host;x-amz-checksum-sha256;x-amz-sdk-checksum-algorithm"
        ]
        assert put(request, TEXT.swapcase()) == 400
        assert list(s3.list(Bucket.INCOMING)) == []
        assert put(request, TEXT) == 200
        for one in s3.list(Bucket.INCOMING):
            s3.delete(Bucket.INCOMING, one.key)


def test_rclone_does_not_look_and_no_checksum_is_signed(endpoint: str, line: Line) -> None:
    s3 = client(endpoint)
    assert found(s3) is Finding.DISPROVED
    request = signed(line, s3, Finding.DISPROVED)
    assert names(request) == ["content-length;content-type;host"]
    assert not [name for name in request.headers if re.match("x-amz", name, re.I)]


@pytest.mark.parametrize(
    ("flaw", "finding"),
    [
        ("keeps", Finding.DISPROVED),
        ("refuses_all", Finding.DISPROVED),
        ("fails", Finding.UNKNOWN),
    ],
)
def test_only_who_refuses_the_wrong_one_and_takes_the_right_one_is_proved(
    endpoint: str, flaw: str, finding: Finding
) -> None:
    with checking(endpoint, **{flaw: True}) as front:
        assert found(client(endpoint, front)) is finding


def test_what_cannot_be_reached_is_not_proved(endpoint: str) -> None:
    """Neither the public address, nor the store itself."""
    nobody = f"http://127.0.0.1:{free_port()}"
    assert found(client(endpoint, nobody)) is Finding.UNKNOWN
    nowhere = StoreProof("redis://127.0.0.1:1/0", "a store")
    with checking(endpoint) as front:
        away = client(nobody, front)
        finding = Prover(storage=away, proof=nowhere, new_id=clock.new_id).find()
    assert finding is Finding.UNKNOWN
