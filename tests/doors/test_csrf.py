"""CSRF: what rides on a cookie must prove that our own page sent it."""

from __future__ import annotations

import httpx
import pytest

from tests.support import samples
from tests.support.headers import assert_secure
from tests.support.people import Person

# Sessions are asked for on both databases elsewhere; what is made of a session's token is the same.
pytestmark = pytest.mark.one_database

ME = "/documents"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sign-out"),
        ("POST", "/documents"),
        ("POST", "/upload-check"),
        ("POST", "/documents/{id}/delete"),
        ("POST", "/api/v1/documents"),
        ("DELETE", "/api/v1/documents/{id}"),
    ],
)
def test_a_session_without_the_right_token_may_not_write(
    alice: Person, bob: Person, method: str, path: str
) -> None:
    """A missing, made-up or foreign CSRF token is 403 and changes nothing."""
    document_id = alice.upload("mine.png", samples.png())
    path = path.format(id=document_id)
    file = ("a.png", samples.png())
    more = {
        "/documents": {"files": {"file": file}},
        "/api/v1/documents": {"files": {"file": file}},
        "/upload-check": {"files": {"size": (None, "9"), "file": file}},
    }.get(path, {})
    with alice.browser() as browser, bob.browser() as other:
        for token in (None, "nonsense", "é", other.token(ME)):
            headers = {"Accept": "application/json"}
            sent = {"X-CSRF-Token": token.encode()} if token else {}
            answer = browser.request(method, path, headers={**headers, **sent}, **more)  # type: ignore[arg-type]
            assert code(answer) == (403, "csrf"), token
            assert_secure(answer)
        own = {"X-CSRF-Token": browser.token(ME), "Accept": "application/json"}
        for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = browser.request(method, path, headers={**own, **foreign}, **more)
            assert code(answer) == (403, "csrf"), foreign
        assert alice.document(document_id)["state"] != "deleted"
        assert browser.request(method, path, headers=own, **more).status_code < 400
    alice.discard(document_id)


def test_the_pages_own_script_may_use_the_session(alice: Person) -> None:
    """With its token, a session uploads through the API as a key does."""
    with alice.browser() as browser:
        headers = {"X-CSRF-Token": browser.token(ME)}
        answer = browser.post(
            "/api/v1/documents", files={"file": ("a.png", samples.png())}, headers=headers
        )
    assert answer.status_code == 202, answer.text


def test_the_plain_form_takes_several_files_each_on_its_own(alice: Person, bob: Person) -> None:
    """Without script: one good file and one bad one, each with its own answer. That has an address,
    which is nobody else's."""
    with alice.browser() as browser:
        token = browser.token(ME)
        answer = browser.post(
            "/documents",
            files=[
                ("csrf_token", (None, token)),
                ("files", ("plain form good.png", samples.png())),
                ("files", ("plain form bad.pdf", samples.png())),
            ],
        )
        assert answer.status_code == 303, answer.text
        page = answer.headers["Location"]
        for _ in range(2):
            again = browser.get(page)
            assert again.status_code == 200
            assert "It has arrived" in again.text
            assert "<bdi>plain form bad.pdf</bdi>" in again.text
            assert_secure(again)
    with bob.browser() as other:
        assert other.get(page).status_code == 404
    names = [one["name"] for one in alice.documents(q="plain form")]
    assert names == ["plain form good.png"]


def test_a_form_that_breaks_off_still_tells_what_was_taken_in(alice: Person) -> None:
    """Past the most parts that are read, files taken in before are named, and the rest as well."""
    names = [f"many {number:02}.txt" for number in range(70)]
    with alice.browser() as browser:
        token = browser.token(ME)
        answer = browser.post(
            "/documents",
            files=[
                ("csrf_token", (None, token)),
                *(("files", (name, name.encode())) for name in names),
            ],
        )
    assert answer.status_code == 413, answer.text
    found = alice.documents(q="many ")
    alice.discard(*(one["id"] for one in found))
    kept = {one["name"] for one in found}
    assert len(kept) == 63
    assert {name for name in names if f"<bdi>{name}</bdi>" in answer.text} == kept
    assert "The other files of the form" in answer.text
