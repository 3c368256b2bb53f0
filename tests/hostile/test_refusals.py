"""Refusals at the door: the documented code each time, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.support import leftovers, raw, samples
from tests.support.people import Person
from tests.support.raw import FORM_TYPE, form
from tests.support.stack import Stack

LIMIT = 100 * 1024 * 1024
MIB = 1024 * 1024
Send = Callable[[Person], httpx.Response]
PNG = samples.png()
FILE = b'form-data; name="file"; filename='


@pytest.fixture
def nothing_kept(stack: Stack) -> Iterator[None]:
    with leftovers.nothing_kept(stack):
        yield


def as_form(name: str, content: bytes, declared: str = "") -> Send:
    return lambda person: person.post(name, content, declared)


def as_body(content: bytes, name: str = "a.txt", **headers: str) -> Send:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda person: person.api.post(
        "/documents", params={"name": name}, content=content, headers=named
    )


def as_parts(*parts: tuple[bytes, bytes]) -> Send:
    return lambda person: person.api.post(
        "/documents", content=form(*parts), headers={"Content-Type": FORM_TYPE}
    )


def with_disposition(value: str) -> Send:
    headers = {"Content-Disposition": value}
    return lambda person: person.api.post("/documents", content=b"hello", headers=headers)


def too_large() -> Iterator[bytes]:
    yield samples.iso_media(b"isom")[:88]
    rest = LIMIT + 1 - 88
    while rest > 0:
        yield bytes(min(MIB, rest))
        rest -= MIB


def too_large_with_length(person: Person) -> httpx.Response:
    """Only announced: refused by the length alone."""
    headers = {"Content-Length": str(LIMIT + 1)}
    return person.api.post(
        "/documents", params={"name": "a.mp4"}, content=too_large(), headers=headers
    )


def too_large_chunked(person: Person) -> httpx.Response:
    return person.api.post("/documents", params={"name": "a.mp4"}, content=too_large())


def too_large_as_form(person: Person) -> httpx.Response:
    start, end = form((FILE + b'"a.mp4"', b"\0SPLIT\0")).split(b"\0SPLIT\0")

    def body() -> Iterator[bytes]:
        yield start
        yield from too_large()
        yield end

    length = str(len(start) + LIMIT + 1 + len(end))
    headers = {"Content-Type": FORM_TYPE, "Content-Length": length}
    return person.api.post("/documents", content=body(), headers=headers)


KINDS: dict[str, tuple[Send, int, str]] = {
    "wrong ending for the content": (as_form("a.pdf", PNG), 415, "type-mismatch"),
    "text under a picture's ending": (as_form("a.jpg", b"hello"), 415, "type-mismatch"),
    "page under a picture's ending": (as_form("a.png", b"<html>x"), 415, "type-mismatch"),
    "unknown ending": (as_form("a.exe", PNG), 415, "type-not-allowed"),
    "no ending": (as_form("a", PNG), 415, "type-not-allowed"),
    "second ending": (as_form("a.png.php", PNG), 415, "type-not-allowed"),
    "svg": (as_form("a.svg", b"<svg onload=alert(1)>"), 415, "type-not-allowed"),
    "wrong declared type": (as_form("a.png", PNG, "application/pdf"), 415, "type-mismatch"),
    "wrong declared type, raw": (
        as_body(PNG, "a.png", Content_Type="text/html"),
        415,
        "type-mismatch",
    ),
    "0 bytes": (as_form("a.txt", b""), 422, "empty-file"),
    "0 bytes, raw": (as_body(b""), 422, "empty-file"),
    "limit + 1 with Content-Length": (too_large_with_length, 413, "file-too-large"),
    "limit + 1 chunked": (too_large_chunked, 413, "file-too-large"),
    "limit + 1 in a form": (too_large_as_form, 413, "file-too-large"),
    "no part": (as_parts(), 422, "invalid"),
    "no file part": (as_parts((b'form-data; name="file"', b"hello")), 422, "invalid"),
    "file part of another name": (
        as_parts((b'form-data; name="other"; filename="a.txt"', b"hello")),
        422,
        "invalid",
    ),
    "two file parts": (
        as_parts((FILE + b'"a.txt"', b"hello"), (FILE + b'"b.txt"', b"hello")),
        422,
        "invalid",
    ),
    "two large file parts": (
        as_parts((FILE + b'"a.txt"', b"hello " * (2 * MIB)), (FILE + b'"b.txt"', b"hello")),
        422,
        "invalid",
    ),
    "form cut off": (
        lambda person: person.api.post(
            "/documents",
            content=form((FILE + b'"a.txt"', b"hello" * (2 * MIB)))[:-9],
            headers={"Content-Type": FORM_TYPE},
        ),
        400,
        "malformed",
    ),
    "form without boundary": (
        lambda person: person.api.post(
            "/documents", content=b"x", headers={"Content-Type": "multipart/form-data"}
        ),
        400,
        "malformed",
    ),
    "unknown parameter": (
        lambda person: person.api.post("/documents?folder=x", files={"file": ("a.txt", b"x")}),
        422,
        "invalid",
    ),
}

NAMES = {
    "../": "../../etc/passwd.txt",
    "absolute": "/etc/passwd.txt",
    "backslash": "..\\a.txt",
    "NUL": "a\0.txt",
    "newline": "a\nb.txt",
    "carriage return": "a\rb.txt",
    "5,000 characters": "a" * 4996 + ".txt",
    "empty": "",
    "dots": "...",
}
HARMLESS = {
    "right-to-left override": ("a\u202etxt.txt", "atxt.txt"),
    "zero-width space": ("a\u200b.txt", "a.txt"),
    "whole path of Windows": ("C:\\dir\\b.txt", "b.txt"),
    "share of Windows": ("\\\\host\\dir\\b.txt", "b.txt"),
    "two endings": ("a.php.txt", "a.php.txt"),
    "escaped NUL": ("a.php%00.txt", "a.php%00.txt"),
    "device": ("CON.txt", "_CON.txt"),
    "dots and spaces": ("a.txt. .", "a.txt"),
    "decomposed": ("e\u0301.txt", "\u00e9.txt"),
}
NAME_DOORS: dict[str, Callable[[str], Send]] = {
    "form": lambda name: as_parts((FILE + b'"' + _as_browsers_do(name) + b'"', b"hello")),
    "disposition": lambda name: with_disposition(
        f"attachment; filename*=UTF-8''{quote(name, safe='')}" if name else 'a; filename=""'
    ),
    "query": lambda name: as_body(b"hello", name),
}


def _as_browsers_do(name: str) -> bytes:
    """Quoting of names in forms (WHATWG HTML, multipart/form-data encoding algorithm)."""
    text = name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
    return text.encode()


@pytest.mark.usefixtures("nothing_kept")
def test_every_refusal_has_its_code_and_leaves_nothing(alice: Person) -> None:
    """Each wrong file is answered with its documented code; no row, object or file stays."""
    found = {}
    for case, (send, _, _) in KINDS.items():
        answer = send(alice)
        found[case] = (answer.status_code, answer.json()["code"])
        _is_problem(answer)
    assert found == {case: (status, code) for case, (_, status, code) in KINDS.items()}


@pytest.mark.usefixtures("nothing_kept")
def test_every_bad_name_is_refused_by_every_door(alice: Person) -> None:
    """A name that misleads is `bad-name`, whether it came in a form, a header or the query."""
    found = {}
    for door, send_by in NAME_DOORS.items():
        for case, name in NAMES.items():
            answer = send_by(name)(alice)
            found[door, case] = (answer.status_code, answer.json()["code"])
    assert found == dict.fromkeys(found, (422, "bad-name"))


def test_every_door_makes_the_same_of_an_untidy_name(alice: Person) -> None:
    """One normalisation: what is kept does not depend on how the name came in."""
    found = {}
    for door, send_by in NAME_DOORS.items():
        for case, (name, _) in HARMLESS.items():
            answer = send_by(name)(alice)
            assert answer.status_code == 202, (door, case, answer.text)
            found[door, case] = answer.json()["name"]
            alice.discard(answer.json()["id"])
    assert found == {(door, case): HARMLESS[case][1] for door, case in found}


@pytest.mark.usefixtures("nothing_kept")
def test_no_name_at_all_is_a_bad_name(alice: Person) -> None:
    """A raw body without any name is refused for that."""
    answer = alice.api.post("/documents", content=b"hello")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-name")


@pytest.mark.usefixtures("nothing_kept")
def test_a_raw_nul_in_a_form_is_refused(stack: Stack, alice: Person) -> None:
    """Bytes that no header may hold do not get through as a name."""
    body = form((FILE + b'"a\0b.txt"', b"hello"))
    headers = {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {alice.key}",
        "Content-Type": FORM_TYPE,
        "Content-Length": str(len(body)),
    }
    answer = raw.exchange(stack.port, [raw.head("POST", "/api/v1/documents", headers), body])
    assert (answer.status, answer.code) in {(422, "bad-name"), (400, "malformed")}


def test_exactly_the_limit_is_accepted(alice: Person) -> None:
    """A file of exactly the largest size is taken."""
    start = samples.iso_media(b"isom")[:80]
    body = [start, *[bytes(MIB)] * 99, bytes(MIB - 80)]
    answer = alice.api.post("/documents", params={"name": "a.mp4"}, content=iter(body))
    assert answer.status_code == 202, answer.text
    assert answer.json()["size"] == LIMIT
    assert alice.api.delete(f"/documents/{answer.json()['id']}").status_code == 204


def test_names_that_only_look_dangerous_are_kept(alice: Person) -> None:
    """Quotes, markup, templates and shell signs are part of a name, shown as they are."""
    names = ['x"; filename="y.txt', "<img src=x onerror=alert(1)>.txt", "{{7*7}}.txt", "|id.txt"]
    kept = [alice.post(name, b"hello").json()["name"] for name in names]
    assert kept == names
    with alice.browser() as browser:
        page = browser.get("/documents").text
    assert "<img src=x" not in page
    assert "{{7*7}}" in page


def _is_problem(answer: httpx.Response) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["detail"].endswith(".")
    assert problem["request_id"] == answer.headers["X-Request-Id"]
