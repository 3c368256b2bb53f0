"""Many small files in one form: each judged and recorded by itself, none before the form's end."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import httpx
import pytest

from tests.support import raw, samples
from tests.support.batches import codes, items
from tests.support.grants import TEXT, refusal, used
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer, set_quota
from tests.support.people import Person
from tests.support.stack import Stack
from uploads.api.document_batches import MOST_BYTES
from uploads.documents.model import Scope
from uploads.openapi.requests import MOST_FILES

LARGE = b"a line of a text that goes on\n" * 400_000  # more than a segment
File = tuple[str, bytes]


@pytest.fixture
def dora(stack: Stack) -> Person:
    return newcomer(stack, "dora")


def sent(person: Person, *files: File, digests: object = None, **more: Any) -> httpx.Response:
    parts = [("file", file) for file in files]
    data = {} if digests is None else {"sha256": digests}
    return person.api.post("/document-batches", files=parts, data=data, **more)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_many_files_in_a_form_and_the_same_bytes_again(stack: Stack, dora: Person) -> None:
    """Small ones and one of several segments; what is refused saves none of the others."""
    files = [
        ("a.png", samples.png()),
        ("b.txt", TEXT),
        ("c.exe", b"MZ" * 100),
        ("large.txt", LARGE),
        ("d.txt", b""),
        ("e.png", TEXT),
        ("f.pdf", samples.pdf()),
    ]
    found = items(sent(dora, *files))
    assert codes(found) == [
        None, None, "type-not-allowed", None, "empty-file", "type-mismatch", None,
    ]  # fmt: skip
    assert found[2]["problem"]["status"] == 415
    taken = [(one["document"], content) for one, (_, content) in zip(found, files, strict=True)
             if "document" in one]  # fmt: skip
    assert used(dora) == (sum(len(content) for _, content in taken), 4)
    for document, content in taken:
        assert document["sha256"] == sha256(content)
        assert dora.settle(document["id"])["state"] == "clean"
        assert dora.content(document["id"]) == content
    invariants(stack, dora)


def test_many_small_files_at_once_are_all_kept(stack: Stack, dora: Person) -> None:
    files = [(f"{number}.txt", b"%d " % number + TEXT) for number in range(MOST_FILES)]
    documents = [one["document"] for one in items(sent(dora, *files))]
    assert [one["name"] for one in documents] == [name for name, _ in files]
    for document, (_, content) in zip(documents, files, strict=True):
        assert dora.settle(document["id"])["state"] == "clean"
        assert dora.content(document["id"]) == content
    invariants(stack, dora)


def test_promised_digests_are_held_against_what_came(stack: Stack, dora: Person) -> None:
    files = [("a.txt", TEXT), ("b.txt", TEXT + b"b"), ("c.txt", TEXT + b"c")]
    right = [sha256(content) for _, content in files]
    found = items(sent(dora, *files, digests=[right[0], right[0], right[2]]))
    assert codes(found) == [None, "digest-mismatch", None]
    assert used(dora)[1] == 2
    invariants(stack, dora)


@pytest.mark.parametrize("digests", [["0" * 64], ["0" * 64] * 3, ["0" * 64, "A" * 64]])
def test_digests_are_for_all_files_or_for_none(dora: Person, digests: list[str]) -> None:
    answer = sent(dora, ("a.txt", TEXT), ("b.txt", TEXT), digests=digests)
    assert refusal(answer) == (422, "invalid")
    assert used(dora) == (0, 0)


def test_the_quota_lets_in_what_fits(stack: Stack, dora: Person) -> None:
    """Decided with each file's own commit: of equal ones so many, whichever they are."""
    set_quota(dora, files_limit=2)
    found = items(sent(dora, *[(f"{number}.txt", TEXT) for number in range(6)]))
    assert sorted(map(str, codes(found))) == ["None"] * 2 + ["quota-exceeded"] * 4
    assert used(dora)[1] == 2
    invariants(stack, dora)


def test_under_a_key_the_file_in_a_place_is_taken_once(stack: Stack, dora: Person) -> None:
    key = {"Idempotency-Key": "k" * 255}
    files = [("a.txt", TEXT), ("b.exe", b"MZ"), ("large.txt", LARGE)]
    first = sent(dora, *files, headers=key)
    assert codes(items(first)) == [None, "type-not-allowed", None]
    assert "Idempotent-Replayed" not in first.headers
    again = sent(dora, *files, headers=key)
    made = [one for one in items(first) if "document" in one]
    assert [one for one in items(again) if "document" in one] == made
    whole = sent(dora, files[0], headers=key)
    assert whole.headers["Idempotent-Replayed"] == "true"
    other = sent(dora, ("a.txt", TEXT + b"!"), files[1], files[2], ("d.txt", TEXT), headers=key)
    assert codes(items(other)) == ["idempotency-mismatch", "type-not-allowed", None, None]
    assert items(other)[2] == items(first)[2]
    assert used(dora)[1] == 3
    # A full quota is no reason not to be told of what is there already.
    set_quota(dora, files_limit=3)
    assert [one for one in items(sent(dora, *files, headers=key)) if "document" in one] == made
    invariants(stack, dora)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "broken"}])
def test_a_form_that_breaks_off_leaves_nothing(
    stack: Stack, dora: Person, key: dict[str, str]
) -> None:
    """Also of a file whose first segments were stored already; and the key is free again."""
    files = [("a.txt", TEXT), ("large.txt", LARGE), ("b.txt", TEXT)]
    parts = [("file", file) for file in files]
    request = dora.api.build_request("POST", "/document-batches", files=parts)
    whole = request.read()
    fields = {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {dora.key}",
        "Content-Type": request.headers["Content-Type"],
        "Content-Length": str(len(whole)),
        **key,
    }
    head = raw.head("POST", "/api/v1/document-batches", fields)
    with socket.create_connection(("127.0.0.1", stack.port), raw.SECONDS) as connection:
        connection.sendall(head + whole[:-300])
        connection.shutdown(socket.SHUT_WR)
        assert raw.answer(connection).code == "size-mismatch"
    assert used(dora) == (0, 0)
    # All of it, but another kind of end than a form has.
    fields["Content-Length"] = str(len(whole) + 1)
    head = raw.head("POST", "/api/v1/document-batches", fields)
    answer = raw.exchange(stack.port, [head, whole, b"x"])
    assert (answer.status, answer.code) == (400, "malformed")
    assert used(dora) == (0, 0)
    assert codes(items(sent(dora, ("a.txt", TEXT), headers=key))) == [None]
    invariants(stack, dora)


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ([("file", (None, "no name"))], "file"),
        ([("file", ("a.txt", TEXT)), ("other", ("b.txt", TEXT))], "other"),
        ([("file", ("a.txt", TEXT)), ("note", (None, "text"))], "note"),
        ([("sha256", (None, "0" * 64))], "file"),
        ([("file", ("a.txt", TEXT))] * (MOST_FILES + 1), "file"),
    ],
)
def test_another_form_is_refused_whole(dora: Person, parts: Any, pointer: str) -> None:
    answer = dora.api.post("/document-batches", files=parts)
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert used(dora) == (0, 0)


def test_more_bytes_than_a_form_may_have_are_not_read(stack: Stack, dora: Person) -> None:
    """Told beforehand, or found out."""
    fields = {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {dora.key}",
        "Content-Type": "multipart/form-data; boundary=abc",
        "Content-Length": str(MOST_BYTES + 1),
    }
    answer = raw.exchange(stack.port, [raw.head("POST", "/api/v1/document-batches", fields)])
    assert answer.status == 413
    answer = sent(dora, *[(f"{number}.txt", LARGE) for number in range(6)])
    assert refusal(answer) == (413, "body-too-large")
    assert used(dora) == (0, 0)
    invariants(stack, dora)


def test_a_page_needs_its_token_and_a_reader_may_not_write(stack: Stack, alice: Person) -> None:
    with alice.browser() as browser:
        answer = browser.post("/api/v1/document-batches", files={"file": ("a.txt", TEXT)})
        assert refusal(answer) == (403, "csrf")
    reader = {"Authorization": f"Bearer {stack.key(alice.email, Scope.DOCUMENTS_READ)}"}
    answer = alice.api.post("/document-batches", files={"file": ("a.txt", TEXT)}, headers=reader)
    assert refusal(answer) == (403, "forbidden")
