"""Many files by signed URLs at once: granted together, completed together, each by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import samples
from tests.support.batches import codes, items
from tests.support.grants import ASKED, TEXT, asked, refusal, sent, used
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer, set_quota
from tests.support.people import Person
from tests.support.stack import Stack
from uploads.documents.grants import PUT_UP_TO
from uploads.documents.model import Scope
from uploads.openapi.requests import MOST_FILES


@pytest.fixture
def dora(stack: Stack) -> Person:
    return newcomer(stack, "dora")


def many(person: Person, *files: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """What became of each that was asked for."""
    return items(person.api.post("/upload-batches", json={"uploads": files}, **more))


def completed(person: Person, *ids: str) -> list[dict[str, Any]]:
    uploads = [{"id": one} for one in ids]
    return items(person.api.post("/upload-batches/complete", json={"uploads": uploads}))


def test_many_files_in_two_requests_and_the_same_bytes_again(stack: Stack, dora: Person) -> None:
    files = {
        "a.png": samples.png(),
        "b.txt": TEXT,
        "c.pdf": samples.pdf(),
        "d.exe": b"MZ",
        "e.txt": b"",
    }
    claims = [{"name": name, "size": len(content)} for name, content in files.items()]
    granted = many(dora, *claims)
    assert codes(granted) == [None, None, None, "type-not-allowed", "empty-file"]
    assert granted[3]["problem"]["status"] == 415
    assert "txt" in str(granted[3]["problem"]["allowed"]), "as if it had been asked for alone"
    taken = list(zip(files.values(), (one["upload"] for one in granted[:3]), strict=False))
    assert used(dora) == (sum(len(content) for content, _ in taken), 3)
    for content, upload in taken:
        assert sent(dora, upload, content).status_code == 200
    ids = [upload["id"] for _, upload in taken]
    documents = [one["document"] for one in completed(dora, *ids)]
    assert [one["name"] for one in documents] == ["a.png", "b.txt", "c.pdf"]
    for document, (content, _) in zip(documents, taken, strict=True):
        assert dora.settle(document["id"])["state"] == "clean"
        assert dora.content(document["id"]) == content
    invariants(stack, dora)


def test_what_is_not_complete_says_so_in_its_place(stack: Stack, dora: Person) -> None:
    """And saves none of the others."""
    longer = {"name": "b.txt", "size": len(TEXT) + 1}
    whole, missing, other = (one["upload"] for one in many(dora, ASKED, ASKED, longer))
    somebodys = asked(newcomer(stack, "eve"))["id"]
    assert sent(dora, whole).status_code == 200
    found = completed(dora, missing["id"], whole["id"], somebodys, "upl_none", whole["id"])
    assert codes(found) == ["incomplete", None, "not-found", "not-found", None]
    assert found[0]["problem"]["missing"] == [1]
    assert found[1]["document"]["id"] == found[4]["document"]["id"], "named twice, made once"
    assert sent(dora, missing).status_code == 200
    assert codes(completed(dora, missing["id"], other["id"])) == [None, "incomplete"]
    invariants(stack, dora)


def test_of_one_room_as_many_are_granted_as_fit(stack: Stack, dora: Person) -> None:
    set_quota(dora, files_limit=3)
    found = codes(many(dora, *[ASKED] * 10))
    assert sorted(map(str, found)) == ["None"] * 3 + ["quota-exceeded"] * 7
    assert used(dora) == (3 * len(TEXT), 3)
    invariants(stack, dora)


def test_each_file_is_granted_once_under_the_key_and_its_place(stack: Stack, dora: Person) -> None:
    """A refusal is kept like a grant; another file in the place of one is told apart."""
    key = {"Idempotency-Key": "k" * 255}
    refused = {"name": "a.exe", "size": 1}
    first = many(dora, ASKED, refused, headers=key)
    assert codes(first) == [None, "type-not-allowed"]
    answer = dora.api.post("/upload-batches", json={"uploads": [ASKED, refused]}, headers=key)
    assert (items(answer), answer.headers["Idempotent-Replayed"]) == (first, "true")
    again = many(dora, ASKED, refused, ASKED, headers=key)
    assert again[:2] == first
    assert used(dora)[1] == 2, "of the third place nothing was asked before"
    other = many(dora, {**ASKED, "size": 1}, refused, ASKED, headers=key)
    assert codes(other) == ["idempotency-mismatch", "type-not-allowed", None]
    assert other[2] == again[2]
    answer = dora.api.post(
        "/upload-batches", json={"uploads": [ASKED]}, headers={"Idempotency-Key": "k" * 256}
    )
    assert refusal(answer) == (400, "malformed")
    invariants(stack, dora)


def test_a_name_that_is_no_text_spoils_no_other_under_a_key_either(dora: Person) -> None:
    """Half of a surrogate pair, as JSON can have it."""
    body = json.dumps({"uploads": [ASKED, {"name": "a\ud800.txt", "size": 5}]})
    for more in ({}, {"Idempotency-Key": "half"}, {"Idempotency-Key": "half"}):
        headers = {"Content-Type": "application/json", **more}
        answer = dora.api.post("/upload-batches", content=body, headers=headers)
        assert codes(items(answer)) == [None, "bad-name"]
    assert used(dora)[1] == 2


@pytest.mark.parametrize(
    ("uploads", "pointer"),
    [
        ([], "/uploads"),
        ([ASKED] * (MOST_FILES + 1), "/uploads"),
        ([ASKED, {**ASKED, "size": PUT_UP_TO + 1}], "/uploads/1/size"),
        ([{**ASKED, "method": "put"}], "/uploads/0/method"),
        ([ASKED, {"name": "a.txt"}], "/uploads/1/size"),
        ([ASKED, 7], "/uploads/1"),
        ({"0": ASKED}, "/uploads"),
    ],
)
def test_what_is_asked_wrongly_is_granted_to_none(dora: Person, uploads: Any, pointer: str) -> None:
    answer = dora.api.post("/upload-batches", json={"uploads": uploads})
    assert refusal(answer) == (422, "invalid")
    assert pointer in [one["pointer"] for one in answer.json()["errors"]]
    assert used(dora) == (0, 0)


@pytest.mark.parametrize("path", ["/upload-batches", "/upload-batches/complete"])
def test_a_page_needs_its_token_and_a_reader_may_not_write(
    stack: Stack, alice: Person, path: str
) -> None:
    with alice.browser() as browser:
        answer = browser.post(f"/api/v1{path}", json={"uploads": []})
        assert refusal(answer) == (403, "csrf")
    reader = {"Authorization": f"Bearer {stack.key(alice.email, Scope.DOCUMENTS_READ)}"}
    answer = alice.api.post(path, json={"uploads": []}, headers=reader)
    assert refusal(answer) == (403, "forbidden")
