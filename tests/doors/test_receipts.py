"""POST /documents under an Idempotency-Key: a file is one document, however often it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import raw
from tests.support.answered import abandon, under_way
from tests.support.grants import refusal, used
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.raw import Answer
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Scope

TEXT = b"a plain text, long enough to be one\n" * 4
OTHER = TEXT.replace(b"plain", b"other")
AT_ONCE = 20


@pytest.fixture
def emma(stack: Stack) -> Person:
    return newcomer(stack, "emma")


def form(
    person: Person, key: str, content: bytes = TEXT, name: str = "a.txt", kind: str = "text/plain"
) -> httpx.Response:
    return person.post(name, content, kind, headers={"Idempotency-Key": key})


def body(person: Person, key: str, content: Any = TEXT, **more: str) -> httpx.Response:
    headers = {"Content-Type": "text/plain", "Idempotency-Key": key, **more}
    return person.api.post("/documents?name=a.txt", content=content, headers=headers)


def head(person: Person, key: str, size: int, name: str = "a.txt", **more: str) -> bytes:
    """The head of a raw body's request."""
    fields = {
        "Host": f"127.0.0.1:{person.stack.port}",
        "Authorization": f"Bearer {person.key}",
        "Content-Type": "text/plain",
        "Content-Length": str(size),
        "Idempotency-Key": key,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return raw.head("POST", f"/api/v1/documents?name={name}", fields)


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


@pytest.mark.parametrize(("first", "second"), [(form, form), (body, body), (form, body)])
def test_the_same_file_gets_the_same_answer_and_is_one_document(
    emma: Person, first: Callable[..., httpx.Response], second: Callable[..., httpx.Response]
) -> None:
    """As a form or as a raw body: name, type and bytes count, not the way they are sent."""
    made, again = first(emma, "one"), second(emma, "one")
    assert (made.status_code, replayed(made)) == (202, False)
    assert (again.status_code, replayed(again)) == (202, True)
    assert again.content == made.content
    for header in ("Location", "Content-Type"):
        assert again.headers[header] == made.headers[header]
    assert used(emma) == (len(TEXT), 1)
    assert emma.settle(made.json()["id"])["state"] == "clean"


def test_another_file_under_the_key_is_refused(emma: Person) -> None:
    made = form(emma, "two").json()
    others: list[dict[str, Any]] = [
        {"content": OTHER},
        {"content": TEXT + b"."},
        {"content": TEXT[:-1]},
        {"name": "b.txt"},
        {"kind": "application/octet-stream"},
    ]
    for other in others:
        assert refusal(form(emma, "two", **other)) == (422, "idempotency-mismatch"), other
    assert refusal(body(emma, "two", OTHER)) == (422, "idempotency-mismatch")
    assert refusal(body(emma, "two", iter([TEXT, b"."]))) == (422, "idempotency-mismatch")
    assert [one["id"] for one in emma.documents()] == [made["id"]]
    assert used(emma) == (len(TEXT), 1)


def test_a_key_is_its_callers_own(stack: Stack, emma: Person) -> None:
    """Neither a stranger nor another key of the same person is told anything."""
    eve = newcomer(stack, "eve")
    other = {"Authorization": f"Bearer {stack.key(emma.email)}"}
    answers = [form(emma, "three"), form(eve, "three"), body(emma, "three", **other)]
    assert [one.status_code for one in answers] == [202] * 3
    assert not any(replayed(one) for one in answers)
    assert len({one.json()["id"] for one in answers}) == 3


@pytest.mark.one_database
def test_who_may_not_upload_is_told_nothing(stack: Stack, emma: Person) -> None:
    assert form(emma, "four").status_code == 202
    reader = {"Authorization": f"Bearer {stack.key(emma.email, Scope.DOCUMENTS_READ)}"}
    assert refusal(body(emma, "four", **reader)) == (403, "forbidden")
    with emma.browser() as browser:
        answer = browser.post(
            "/api/v1/documents?name=a.txt", content=TEXT, headers={"Idempotency-Key": "four"}
        )
        assert refusal(answer) == (403, "csrf")
    for bad in ("", "a b", "a" * 256):
        assert refusal(body(emma, bad)) == (400, "malformed")


def test_at_once_it_is_one_document(emma: Person) -> None:
    """Whoever comes while the first one is under way waits, or gets its answer."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: form(emma, "five"), range(AT_ONCE)))
    done = [one for one in answers if one.status_code == 202]
    assert len({one.content for one in done}) == 1
    assert [replayed(one) for one in done].count(False) == 1
    for other in (one for one in answers if one.status_code != 202):
        assert refusal(other) == (409, "conflict")
        assert int(other.headers["Retry-After"]) >= 1
    assert used(emma) == (len(TEXT), 1)
    assert len(emma.documents()) == 1


def test_while_it_is_under_way_another_is_answered_before_its_body(
    stack: Stack, emma: Person
) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), PATIENCE) as first:
        first.sendall(head(emma, "six", len(TEXT)) + TEXT[:50])
        eventually(lambda: under_way(stack, "six"), PATIENCE)
        # Not a byte of this one's body is ever sent.
        told = raw.exchange(stack.port, [head(emma, "six", len(TEXT))])
        first.sendall(TEXT[50:])
        made = raw.answer(first)
    assert (made.status, told.status) == (202, 409)
    assert told.code == "conflict"
    assert int(told.headers["retry-after"]) >= 1
    again = body(emma, "six")
    assert (replayed(again), again.content) == (True, made.body)


@pytest.mark.one_database
def test_what_says_that_it_is_another_file_is_refused_before_its_body(
    stack: Stack, emma: Person
) -> None:
    """By its length, name, type or promised digest; of each only the head is ever sent."""
    assert form(emma, "seven").status_code == 202
    wrong = base64.b64encode(hashlib.sha256(OTHER).digest()).decode()
    size = len(TEXT)
    heads = [
        head(emma, "seven", size + 1),
        head(emma, "seven", 10**12),
        head(emma, "seven", size, name="b.txt"),
        head(emma, "seven", size, Content_Type="text/csv"),
        head(emma, "seven", size, Repr_Digest=f"sha-256=:{wrong}:"),
    ]
    for one in heads:
        answer = raw.exchange(stack.port, [one])
        assert (answer.status, answer.code) == (422, "idempotency-mismatch"), one
    right = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    changed = body(emma, "seven", OTHER, **{"Repr-Digest": f"sha-256=:{right}:"})
    assert refusal(changed) == (422, "digest-mismatch")
    assert replayed(body(emma, "seven", **{"Repr-Digest": f"sha-256=:{right}:"}))


def test_after_a_refusal_the_right_file_may_come_under_the_key(emma: Person) -> None:
    """A refusal is not kept: nothing was made, and mostly not all was read."""
    for _ in range(2):
        answer = form(emma, "eight", name="a.exe")
        assert refusal(answer) == (415, "type-not-allowed")
        assert not replayed(answer)
    assert not replayed(form(emma, "eight"))
    assert replayed(form(emma, "eight"))
    assert len(emma.documents()) == 1


def test_a_connection_that_was_cut_is_no_document(stack: Stack, emma: Person) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), PATIENCE) as first:
        first.sendall(head(emma, "nine", len(TEXT)) + TEXT[:50])
        eventually(lambda: under_way(stack, "nine"), PATIENCE)
    # It may take a moment until the service has noticed.
    made = eventually(lambda: _unless_under_way(body(emma, "nine")), PATIENCE)
    assert (made.status_code, replayed(made)) == (202, False)
    assert replayed(body(emma, "nine"))
    assert [one["id"] for one in emma.documents()] == [made.json()["id"]]
    assert used(emma) == (len(TEXT), 1)


def _unless_under_way(answer: httpx.Response) -> httpx.Response | None:
    if answer.status_code == 409:
        assert refusal(answer) == (409, "conflict")
        return None
    return answer


def test_one_that_passed_for_dead_makes_no_second_document(stack: Stack, emma: Person) -> None:
    """Its key was begun anew while it slept; what it sends then is refused."""
    with socket.create_connection(("127.0.0.1", stack.port), PATIENCE) as first:
        first.sendall(head(emma, "ten", len(TEXT)) + TEXT[:50])
        eventually(lambda: under_way(stack, "ten"), PATIENCE)
        abandon(stack)
        made = body(emma, "ten")
        late: Answer = raw.exchange_on(first, [TEXT[50:]])
    assert (made.status_code, replayed(made)) == (202, False)
    assert (late.status, late.code) == (409, "conflict")
    assert int(late.headers["retry-after"]) >= 1
    assert [one["id"] for one in emma.documents()] == [made.json()["id"]]
    assert used(emma) == (len(TEXT), 1)


@pytest.mark.one_database
@pytest.mark.parametrize("how", ["form", "body"])
def test_as_curl_sends_it(stack: Stack, emma: Person, tmp_path: Path, how: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)
    url = f"{stack.base_url}/api/v1/documents"
    given = ["-F", f"file=@{file}", url]
    if how == "body":
        given = ["--data-binary", f"@{file}", "-H", "Content-Type: text/plain", f"{url}?name=a.txt"]

    def curl() -> tuple[dict[str, Any], bool]:
        command = ["curl", "-sS", "-D", str(tmp_path / "head"), "-H", "Idempotency-Key: eleven"]
        key = ["-H", f"Authorization: Bearer {emma.key}"]
        done = subprocess.run(
            [*command, *key, *given], capture_output=True, check=True, timeout=240
        )
        said = (tmp_path / "head").read_text().lower()
        assert " 202 " in said.splitlines()[0], said
        return json.loads(done.stdout), "idempotent-replayed: true" in said

    (made, first), (again, second) = curl(), curl()
    assert (first, second) == (False, True)
    assert again == made
    assert len(emma.documents()) == 1
