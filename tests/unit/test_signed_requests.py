"""What a grant has signed: one key, one length, a short life, a checksum where that is proved."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.granted import DIGEST, complete, give, put
from tests.support.line import START, TEXT, Line
from uploads.documents.errors import Conflict, Gone, UploadExpired
from uploads.documents.granting import SignedRequest
from uploads.documents.grants import Grant, GrantMethod

PLAIN = {"Content-Type": "text/plain", "Content-Length": str(len(TEXT))}


def sign(line: Line, grant: Grant, number: int = 1) -> SignedRequest:
    """A fresh request; fails where the address is not signed for just what it lists."""
    (made,) = line.granting.requests(grant, [number])
    url = urlsplit(made.url)
    assert url.path == f"/incoming/{grant.part(number).key}"
    query = {name: value for name, (value,) in parse_qs(url.query).items()}
    seconds = int(query.pop("seconds"))
    assert query == made.headers
    assert made.expires_at == line.now.replace(microsecond=0) + timedelta(seconds=seconds)
    return made


def test_one_put_binds_length_and_type(line: Line) -> None:
    assert sign(line, give(line)).headers == PLAIN
    declared = give(line, declared_type="application/octet-stream")
    assert sign(line, declared).headers["Content-Type"] == "application/octet-stream"


def test_a_part_binds_its_own_length(line: Line) -> None:
    grant = replace(give(line), method=GrantMethod.MULTIPART, part_size=100)
    assert [dict(sign(line, grant, number).headers) for number in (1, 2)] == [
        {"Content-Length": "100"},
        {"Content-Length": str(len(TEXT) - 100)},
    ]


def test_a_checksum_is_signed_where_one_is_promised_and_the_store_is_proved_to_look(
    line: Line,
) -> None:
    """Nowhere else: a client would be told of a check that nobody makes."""
    promised, silent = give(line, expected_sha256=DIGEST), give(line)
    assert sign(line, promised).headers == PLAIN
    assert line.proof is not None
    line.proof = replace(line.proof, checks_sha256=True)
    assert sign(line, silent).headers == PLAIN
    assert sign(line, promised).headers == {
        **PLAIN,
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(TEXT).digest()).decode(),
        "x-amz-sdk-checksum-algorithm": "SHA256",
    }
    parts = replace(promised, method=GrantMethod.MULTIPART, part_size=100)
    assert sign(line, parts).headers == {"Content-Length": "100"}


def test_a_url_lives_a_quarter_of_an_hour_and_never_longer_than_its_grant(line: Line) -> None:
    line.later(microseconds=900_000)
    grant = give(line)
    assert sign(line, grant).expires_at == START + timedelta(minutes=15)
    line.later(hours=23, minutes=50)
    assert sign(line, grant).expires_at == START + timedelta(days=1)
    line.later(minutes=10)
    with pytest.raises(UploadExpired):
        line.granting.requests(grant, [1])


def test_nothing_is_signed_once_a_grant_has_ended(line: Line) -> None:
    finished, ended = give(line), give(line)
    put(line, finished)
    complete(line, finished)
    line.granting.abort(line.actor, ended.id)
    for grant, raised in ((finished, Conflict), (ended, Gone)):
        with pytest.raises(raised):
            line.granting.requests(line.granting.get(line.actor, grant.id), [1])
