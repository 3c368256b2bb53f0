"""Bodies of JSON routes: every wrong one is refused by its place, and never by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.grants import ASKED, refusal, used
from tests.support.people import Person

# Nothing of this reaches the database.
pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("members", "code", "pointer"),
    [
        ({"name": None}, "invalid", "/name"),
        ({"name": ["a"]}, "invalid", "/name"),
        ({"name": ""}, "bad-name", None),
        ({"name": "../a.txt"}, "bad-name", None),
        ({"size": -1}, "invalid", "/size"),
        ({"size": 2**63}, "invalid", "/size"),
        ({"size": "9"}, "invalid", "/size"),
        ({"size": 9.0}, "invalid", "/size"),
        ({"size": True}, "invalid", "/size"),
        ({"size": None}, "invalid", "/size"),
        ({"size": 0}, "empty-file", None),
        ({"type": 5}, "invalid", "/type"),
        ({"sha256": "AB" * 32}, "invalid", "/sha256"),
        ({"sha256": "ab" * 32 + "\n"}, "invalid", "/sha256"),
        ({"method": "post"}, "invalid", "/method"),
        ({"state": "completed"}, "invalid", "/state"),
        ({"owner": "usr_1"}, "invalid", "/owner"),
        ({"key": "clean/x"}, "invalid", "/key"),
        ({"a/b~c": 1}, "invalid", "/a~1b~0c"),
    ],
    ids=lambda word: json.dumps(word)[:40],
)
def test_a_wrong_member_is_named_and_nothing_is_taken_over(
    alice: Person, members: dict[str, Any], code: str, pointer: str | None
) -> None:
    before = used(alice)
    answer = alice.api.post("/uploads", json={**ASKED, **members})
    assert refusal(answer) == (422, code)
    found = [one["pointer"] for one in answer.json().get("errors", [])]
    assert found == ([pointer] if pointer else [])
    assert used(alice) == before


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff{}", 400, None),
        (b"\xef\xbb\xbf{}", 400, None),
        ('{"name":"a.txt","size":9}'.encode("utf-16"), 400, None),
        (b"[]", 422, [""]),
        (b"null", 422, [""]),
        (b"{}", 422, ["/name", "/size"]),
        (b'{"name":"a.txt","size":NaN}', 422, ["/size"]),
        (b'{"name":"a.txt","size":Infinity}', 422, ["/size"]),
        (b'{"name":"a.txt","size":1e309}', 422, ["/size"]),
        (b'{"name":"a.txt","size":' + b"9" * 5000 + b"}", 422, ["/size"]),
        (b'{"name":"a.txt","size":9,"size":10}', 422, ["/size"]),
        (b'{"name":"\\ud800.txt","size":9}', 422, None),
        (b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 422, [""]),
        (b"[" * 60_000, 422, [""]),
        (b'{"name":"' + b"a" * 70_000 + b'","size":9}', 413, None),
    ],
    ids=lambda word: repr(word)[:30],
)
def test_a_body_that_is_no_such_object_is_refused_in_words(
    alice: Person, body: bytes, status: int, pointers: list[str] | None
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = alice.api.post("/uploads", content=body, headers=headers)
    assert refusal(answer)[0] == status, answer.text
    if pointers is not None:
        assert [one["pointer"] for one in answer.json()["errors"]] == pointers
