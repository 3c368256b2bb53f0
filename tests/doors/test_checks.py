"""POST /upload-check: what the page asks before an upload gets the upload's own verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, func, select

from tests.support import plain, samples
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.people import Browser, Person
from tests.support.stack import Stack
from uploads.documents.policy import HEAD_BYTES
from uploads.records import tables

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

TARGET = "/upload-check"
PNG = samples.png()
LIMIT = 100 * 1024 * 1024
Ask = Callable[..., httpx.Response]
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "type-mismatch": ("a.pdf", PNG, "application/pdf"),
    "another mismatch": ("a.jpg", samples.zip_file(), "image/jpeg; charset=binary"),
    "declared otherwise": ("a.png", PNG, "text/html; charset=utf-8"),
    "a web page": ("a.txt", b"<!doctype html><p>x", "text/plain"),
    "unknown ending": ("a.exe", b"MZ", ""),
    "no ending": ("a", PNG, ""),
    "nothing in it": ("a.txt", b"", "text/plain"),
    "a path": ("../a.png", PNG, "image/png"),
    "a name of two lines": ("a\n.png", PNG, "image/png"),
    "a long name": ("a" * 5000 + ".png", PNG, "image/png"),
}


@pytest.fixture(scope="module")
def browser(alice: Person) -> Iterator[Browser]:
    with alice.browser() as browser:
        browser.headers["X-CSRF-Token"] = browser.token("/documents")
        browser.headers["Accept"] = "application/json"
        yield browser


@pytest.fixture(scope="module")
def ask(browser: Browser) -> Ask:
    """Sends the question about a file, as the page's script does."""

    def send(name: str, content: bytes, declared: str, size: str | None = None) -> httpx.Response:
        file = (name, content[:HEAD_BYTES], declared or "application/octet-stream")
        fields = {"size": (None, size or str(len(content))), "file": file}
        return browser.post(TARGET, files=fields)

    return send


def without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


def everything(stack: Stack) -> tuple[dict[str, set[str]], int]:
    """What is kept, and how many lines the audit trail has."""
    engine = create_engine(stack.services().settings.database_url)
    with engine.connect() as connection:
        lines = connection.scalar(select(func.count()).select_from(tables.audit))
    engine.dispose()
    return stack.snapshot(), int(lines or 0)


@pytest.mark.parametrize("ending", samples.SAMPLES)
def test_what_is_accepted_is_told_so(ask: Ask, ending: str) -> None:
    """Every sample passes by its first 4 KiB, whatever its length."""
    answer = ask(f"a.{ending}", samples.SAMPLES[ending](), "")
    assert (answer.status_code, answer.json()) == (200, {"problem": None})
    assert_secure(answer)


@pytest.mark.parametrize("case", REFUSED)
def test_the_verdict_is_the_uploads_own(ask: Ask, browser: Browser, case: str) -> None:
    """Asked or uploaded, the same file meets the same problem, word by word."""
    name, content, declared = REFUSED[case]
    file = (name, content, declared or "application/octet-stream")
    uploaded = browser.post("/api/v1/documents", files={"file": file})
    asked = ask(name, content, declared)
    assert asked.status_code == 200, asked.text
    assert uploaded.status_code >= 400
    assert without_id(asked.json()["problem"]) == without_id(uploaded.json())
    assert asked.json()["problem"]["request_id"] == asked.headers["X-Request-Id"]


def test_a_size_over_the_limit_is_told_before_a_byte_was_sent(ask: Ask) -> None:
    """The size is the file's, not that of the beginning which is shown."""
    assert ask("a.png", PNG, "", size=str(LIMIT)).json() == {"problem": None}
    problem = ask("a.png", PNG, "", size=str(LIMIT + 1)).json()["problem"]
    assert (problem["code"], problem["limit"]) == ("file-too-large", LIMIT)


def test_asking_writes_nothing(stack: Stack, ask: Ask) -> None:
    """Neither a row nor an object nor an audit entry, whatever the answer."""
    # Nor may what a test before has left still be on its way out.
    stack.rest()
    invariants(stack)
    kept, lines = everything(stack)
    assert ask("a.png", PNG, "").json()["problem"] is None
    assert ask("a.pdf", PNG, "").json()["problem"] is not None
    now, lines_now = everything(stack)
    # Something older may come to its end at any time; nothing may be added.
    assert [one for kind, names in now.items() for one in names - kept[kind]] == []
    assert lines_now == lines


SIZE, FILE = ("size", (None, "9")), ("file", ("a.png", PNG))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ([FILE], "size"),
        ([FILE, SIZE], "size"),
        ([("size", (None, "-1")), FILE], "size"),
        ([("size", (None, "9" * 16)), FILE], "size"),
        ([("size", (None, "\u0669")), FILE], "size"),
        ([SIZE], "file"),
        ([SIZE, ("file", (None, b"no file"))], "file"),
        ([SIZE, ("other", ("a.png", PNG))], "file"),
        ([SIZE, FILE, FILE], "file"),
        ([SIZE, FILE, ("more", (None, "x"))], "more"),
    ],
)
def test_any_other_form_is_not_valid(
    browser: Browser, fields: list[tuple[str, Any]], pointer: str
) -> None:
    """The answer names the field that is wrong."""
    answer = browser.post(TARGET, files=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert_secure(answer)


def test_a_body_that_is_no_small_form_is_refused(browser: Browser) -> None:
    """Not a form, a garbled one, one past the bound: the usual problems."""
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    large = [SIZE, ("file", ("a.png", bytes(16 * 1024)))]
    answers = [
        browser.post(TARGET, json={"name": "a.png"}),
        browser.post(TARGET, content=b"--x\r\nnonsense", headers=head),
        browser.post(TARGET, files=large),
    ]
    found = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert found == [
        (415, "unsupported-media-type"),
        (400, "malformed"),
        (413, "body-too-large"),
    ]


def test_a_script_whose_session_has_ended_is_told_so(stack: Stack, alice: Person) -> None:
    """It gets the problem and leads to the sign-in page itself; a person gets that page."""
    fields = [SIZE, FILE]
    answer = plain.post(
        stack.base_url + TARGET, files=fields, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    asked = plain.post(stack.base_url + TARGET, files=fields, headers={"Accept": "text/html"})
    assert asked.status_code == 401
    assert "nothing of what you sent was taken in" in asked.text
    by_key = {"Authorization": f"Bearer {alice.key}", "Accept": "application/json"}
    answer = plain.post(stack.base_url + TARGET, files=fields, headers=by_key)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
