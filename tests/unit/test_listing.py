"""What stores answer when they are asked what they have."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.storage import listing
from uploads.storage.protocol import Bucket, ObjectStat
from uploads.storage.s3 import S3

NAMED = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def answer(*keys: str, more: str = "", escaped: bool = True, named: str = NAMED) -> bytes:
    """As AWS and rclone write it."""
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-22T18:38:33.120Z</LastModified>"
        f"<Size>{number}</Size></Contents>"
        for number, key in enumerate(keys)
    )
    goes_on = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    how = "<EncodingType>url</EncodingType>" if escaped else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult{named}>{how}'
        f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{goes_on}{contents}</ListBucketResult>"
    ).encode()


@pytest.mark.parametrize("named", [NAMED, ""])
def test_a_page_names_key_size_and_time(named: str) -> None:
    then = datetime(2026, 11, 22, 18, 38, 33, 120_000, UTC)
    found = listing.read(answer("a/1", "a/%26%2B%20", named=named))
    assert found == ([ObjectStat("a/1", 0, then), ObjectStat("a/&+ ", 1, then)], "")


def test_keys_are_taken_as_they_are_where_none_was_escaped() -> None:
    (found,) = listing.read(answer("a/%26", escaped=False)).objects
    assert found.key == "a/%26"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"<html>",
        b"<Error/>",
        answer("a").replace(b"2026", b"yesterday"),
        answer("a").replace(b"<Size>0", b"<Size>"),
        answer("a", more="x").replace(b"NextContinuationToken", b"Token"),
    ],
)
def test_what_is_no_list_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError):
        listing.read(wrong)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[bytes | Exception]:
    """What the store is about to answer, in turn; it wants to be asked for each by its token."""
    answers: list[bytes | Exception] = []
    token: list[str] = []

    def send(_: S3, method: str, url: str) -> Any:
        query = parse_qs(urlsplit(url).query)
        assert (method, query["list-type"], query["prefix"]) == ("GET", ["2"], ["a/"])
        assert query.get("continuation-token", []) == token
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        token[:] = [listing.read(given).more] if b"<ListBucketResult" in given else []
        return SimpleNamespace(data=given)

    monkeypatch.setattr(S3, "_send", send)
    return answers


def names() -> list[str]:
    address = "http://127.0.0.1:9"
    keys = {"access_key": "access", "secret_key": "secret"}
    store = S3(endpoint=address, public_url=address, region="us-east-1", **keys)
    return [found.key for found in store.list(Bucket.CLEAN, "a/")]


def test_a_list_goes_on_to_its_last_page(pages: list[bytes | Exception]) -> None:
    pages += [answer("a/1", "a/2", more="1+/="), answer(more="2"), answer("a/3")]
    assert names() == ["a/1", "a/2", "a/3"]
    assert pages == []


@pytest.mark.parametrize(
    "last", [answer("a/1", more="1"), b"no list", ObjectMissing("GET answered 404")]
)
def test_a_list_that_does_not_go_on_is_a_store_that_is_away(
    pages: list[bytes | Exception], last: bytes | Exception
) -> None:
    """Nothing that is there may be missed because a list ended too soon."""
    pages += [answer("a/1", more="1"), last]
    with pytest.raises(StorageUnavailable):
        names()
