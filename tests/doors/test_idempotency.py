"""Idempotency-Key: the same request under its key is done once, whoever is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.grants import ASKED, asked, refusal, sent, used
from tests.support.newcomers import newcomer
from tests.support.people import Person
from tests.support.stack import Stack
from uploads.documents.model import Scope

AT_ONCE = 20


@pytest.fixture
def emma(stack: Stack) -> Person:
    return newcomer(stack, "emma")


def ask(person: Person, key: str, **members: object) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return person.api.post("/uploads", json={**ASKED, **members}, headers=headers)


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def test_the_same_request_gets_the_same_answer_and_is_done_once(emma: Person) -> None:
    first, second = ask(emma, "one"), ask(emma, "one")
    assert (first.status_code, replayed(first)) == (201, False)
    assert (second.status_code, replayed(second)) == (201, True)
    assert second.content == first.content
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert used(emma)[1] == 1


def test_another_request_under_the_key_is_refused(stack: Stack, emma: Person) -> None:
    ask(emma, "two")
    assert refusal(ask(emma, "two", size=9)) == (422, "idempotency-mismatch")
    assert ask(emma, "three", size=9).status_code == 201
    stranger = newcomer(stack, "eve")
    assert not replayed(ask(stranger, "two")), "a key is its caller's own"
    assert used(emma)[1] == 2


def test_at_once_it_is_done_once(emma: Person) -> None:
    """Whoever comes while the first one is under way waits, or gets its answer."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: ask(emma, "four"), range(AT_ONCE)))
    done = [one for one in answers if one.status_code == 201]
    assert len({one.content for one in done}) == 1
    assert [replayed(one) for one in done].count(False) == 1
    for other in (one for one in answers if one.status_code != 201):
        assert refusal(other) == (409, "conflict")
        assert int(other.headers["Retry-After"]) >= 1
    assert used(emma)[1] == 1


def test_a_refusal_is_an_answer_too(emma: Person) -> None:
    first, second = ask(emma, "five", name="a.exe"), ask(emma, "five", name="a.exe")
    assert refusal(first) == refusal(second) == (415, "type-not-allowed")
    assert second.content == first.content, "word for word: it names the request that was refused"
    assert replayed(second)
    assert first.json()["request_id"] == first.headers["X-Request-Id"]
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"], "it is its own request"


@pytest.mark.one_database
def test_completing_has_keys_of_its_own(emma: Person) -> None:
    grants = [asked(emma), asked(emma)]
    headers = {"Idempotency-Key": "six"}
    for grant in grants:
        assert sent(emma, grant).status_code == 200
    first, second = (
        emma.api.post(f"/uploads/{grants[0]['id']}/complete", headers=headers) for _ in range(2)
    )
    assert (first.status_code, second.content) == (202, first.content)
    other = emma.api.post(f"/uploads/{grants[1]['id']}/complete", headers=headers)
    assert refusal(other) == (422, "idempotency-mismatch")


@pytest.mark.one_database
def test_what_may_not_be_done_is_not_told_either(stack: Stack, emma: Person) -> None:
    """Neither a page without its token nor a key of less rights gets somebody's answer."""
    assert ask(emma, "seven").status_code == 201
    accounts = stack.services().accounts
    _, key = accounts.create_key(accounts.user(emma.email).id, "r", {Scope.DOCUMENTS_READ})
    reader = {"Authorization": f"Bearer {key}", "Idempotency-Key": "seven"}
    assert refusal(emma.api.post("/uploads", json=ASKED, headers=reader)) == (403, "forbidden")
    with emma.browser() as browser:
        headers = {"Idempotency-Key": "seven"}
        answer = browser.post("/api/v1/uploads", json=ASKED, headers=headers)
        assert refusal(answer) == (403, "csrf")
    for bad in ("", "a b", "ü".encode(), "a" * 256):
        answer = emma.api.post("/uploads", json=ASKED, headers={"Idempotency-Key": bad})  # type: ignore[dict-item]
        assert refusal(answer) == (400, "malformed")
