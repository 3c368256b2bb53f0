"""Hostile requests: framing, forms, hosts, methods and headers (rows 43 to 52)."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.hostile.conftest import Canary
from tests.support import plain, raw, samples
from tests.support.invariants import Promises
from tests.support.people import Person
from tests.support.raw import FORM_TYPE, form
from tests.support.stack import Stack

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024
UPLOAD = "/api/v1/documents?name=a.txt"
FILE = b'form-data; name="file"; filename="a.txt"'
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"


def head(person: Person, *lines: bytes, target: str = UPLOAD) -> bytes:
    """A request head with exactly these lines besides the usual ones."""
    host = urlsplit(person.stack.base_url).netloc
    usual = [f"POST {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {person.key}"]
    return b"\r\n".join([*(line.encode() for line in usual), *lines]) + b"\r\n\r\n"


def everything(port: int, data: bytes) -> bytes:
    """Send all at once and read until the server closes."""
    answered = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        try:
            while part := connection.recv(65536):
                answered += part
        except ConnectionResetError:
            pass
    return answered


FRAMINGS: dict[str, tuple[list[bytes], bytes]] = {
    "length and chunked": (
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        b"0\r\n\r\n" + SMUGGLED,
    ),
    "two lengths": ([b"Content-Length: 5", b"Content-Length: 6"], b"hello" + SMUGGLED),
    "two equal lengths": ([b"Content-Length: 5", b"Content-Length: 5"], b"hello" + SMUGGLED),
    "list of lengths": ([b"Content-Length: 5, 5"], b"hello" + SMUGGLED),
    "signed length": ([b"Content-Length: +5"], b"hello" + SMUGGLED),
    "unknown coding": ([b"Transfer-Encoding: xchunked"], b"0\r\n\r\n" + SMUGGLED),
    "chunked twice": ([b"Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n" + SMUGGLED),
    "tab before the coding": ([b"Transfer-Encoding:\tchunked"], b"zz\r\n" + SMUGGLED),
    "space before the colon": ([b"Transfer-Encoding : chunked"], b"0\r\n\r\n" + SMUGGLED),
    "folded": ([b"Transfer-Encoding:", b" chunked"], b"0\r\n\r\n" + SMUGGLED),
    "bad chunk size": ([b"Transfer-Encoding: chunked"], b"5x\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "negative chunk": ([b"Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk without end": ([b"Transfer-Encoding: chunked"], b"5\r\nhelloXX0\r\n\r\n" + SMUGGLED),
}


def test_one_length_or_none(alice: Person, promises: Promises) -> None:
    """Row 43: whatever leaves open where a body ends is refused, and nothing is read behind it."""

    def said(framing: str) -> bytes:
        lines, body = FRAMINGS[framing]
        return everything(alice.stack.port, head(alice, *lines) + body)

    # Side by side: some connections are kept for a while, as idle ones are.
    with ThreadPoolExecutor(len(FRAMINGS)) as pool:
        found = dict(zip(FRAMINGS, pool.map(said, FRAMINGS), strict=True))
    for framing, answered in found.items():
        assert answered.startswith(b"HTTP/1.1 400 "), (framing, answered)
        assert answered.count(b"HTTP/1.1 ") == 1, (framing, answered)
        assert b"application/problem+json" in answered, (framing, answered)
    with alice.stack.log.open("rb") as log:
        assert b"/smuggled" not in log.read()
    promises.hold()


def test_a_chunked_body_without_end_stops_at_the_limit(alice: Person, promises: Promises) -> None:
    """Row 44: 413 once the largest size is passed, and nothing of it is kept."""

    def endless() -> Iterator[bytes]:
        while True:
            yield b"endless text " * 80_000

    answer = alice.api.post("/documents", params={"name": "a.txt"}, content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    promises.hold()


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_takes_its_bytes_along(
    alice: Person, promises: Promises, reset: bool
) -> None:
    """Row 45: 10 MB announced, 6 sent, then FIN or RST: no document comes of it."""
    before = {one["id"] for one in alice.documents()}
    with socket.create_connection(("127.0.0.1", alice.stack.port), timeout=60) as connection:
        if reset:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.sendall(head(alice, b"Content-Length: 10000000") + b"text\n" * 1_200_000)
    promises.hold()
    assert {one["id"] for one in alice.documents()} == before


def _form(person: Person, body: bytes, kind: str = FORM_TYPE) -> tuple[int, str]:
    answer = person.api.post("/documents", content=body, headers={"Content-Type": kind})
    return answer.status_code, answer.json()["code"]


def _with_boundary(person: Person, boundary: bytes) -> tuple[int, str]:
    kind = b"Content-Type: multipart/form-data; boundary=" + boundary
    answer = raw.exchange(person.stack.port, [head(person, kind, b"Content-Length: 0")])
    return answer.status, answer.code


def test_forms_that_are_none(alice: Person, promises: Promises) -> None:
    """Rows 40 and 46: no boundary, a huge one, too many parts, a huge head, no end."""
    nothing = b'form-data; name="x"'
    whole = form((FILE, b"hello"))
    large = b'form-data; name="' + b"x" * MIB + b'"'
    found = {
        "no boundary": _form(alice, whole, "multipart/form-data"),
        "long boundary": _form(alice, whole, "multipart/form-data; boundary=" + "b" * 4000),
        "1 MB boundary": _with_boundary(alice, b"b" * MIB),
        "100,000 parts": _form(alice, form(*[(nothing, b"")] * 100_000)),
        "1 MB part head": _form(alice, form((large, b"hello"))),
        "no end": _form(alice, whole[:-9]),
        "two files": _form(alice, form((FILE, b"hello"), (FILE, b"hello"))),
        "no file name": _form(alice, form((b'form-data; name="file"', b"hello"))),
    }
    assert found == {
        "no boundary": (400, "malformed"),
        "long boundary": (400, "malformed"),
        "1 MB boundary": (431, "headers-too-large"),
        "100,000 parts": (422, "invalid"),
        "1 MB part head": (431, "headers-too-large"),
        "no end": (400, "malformed"),
        "two files": (422, "invalid"),
        "no file name": (422, "invalid"),
    }
    promises.hold()


def test_a_part_that_looks_like_its_boundary_costs_no_more(
    alice: Person, promises: Promises
) -> None:
    """Row 47: a newline and 50 MB of one letter are read in one pass (CVE-2023-46136)."""
    content = b"\n" + b"a" * 50_000_000
    answer = alice.api.post(
        "/documents", content=form((FILE, content)), headers={"Content-Type": FORM_TYPE}
    )
    assert answer.status_code == 202, answer.text
    assert alice.api.delete(f"/documents/{answer.json()['id']}").status_code == 204
    promises.hold()


def test_a_field_is_no_file(alice: Person, promises: Promises) -> None:
    """Row 48: a field of 100 MB in the page's form is refused, not gathered (CVE-2024-49767)."""
    with alice.browser() as browser:
        field = b'form-data; name="csrf_token"'
        answer = browser.post(
            "/documents",
            content=form((field, b"x" * 100_000_000)),
            headers={"Content-Type": FORM_TYPE, "Accept": "application/json"},
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    promises.hold()


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL"])
def test_no_header_moves_the_host(alice: Person, promises: Promises, header: str) -> None:
    """Row 49: no address that the service gives out was taken from a header of the client."""
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    document_id = alice.upload("a.txt", b"hello")
    alice.settle(document_id)
    for path in (f"/documents/{document_id}", f"/documents/{document_id}/content", "/nowhere"):
        answer = alice.api.get(path, headers={header: value})
        assert "evil" not in answer.text + str(answer.headers)
    page = plain.get(f"{alice.stack.base_url}/documents", headers={header: value})
    assert "evil" not in page.text + str(page.headers)
    promises.hold()


def test_an_absolute_target_must_be_ours(alice: Person, promises: Promises) -> None:
    """Row 49: the authority in a request's target is the host that counts (RFC 9112, 3.2.2)."""
    lines = (b"Content-Length: 5", b"Connection: close")
    request = head(alice, *lines, target="http://evil.example" + UPLOAD)
    answered = everything(alice.stack.port, request + b"hello")
    assert answered.split(b" ", 2)[1] in {b"400", b"421"}, answered
    promises.hold()


def test_methods_mean_what_they_say(alice: Person, promises: Promises) -> None:
    """Row 50: nothing in a header, a query or a form makes one method another."""
    document_id = alice.upload("a.txt", b"hello")
    alice.settle(document_id)
    path = f"/documents/{document_id}"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = alice.api.post(path, headers={name: "DELETE"})
        assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
        alice.api.get(path, headers={name: "DELETE"})
    alice.api.post(f"{path}?_method=DELETE")
    alice.api.post(path, data={"_method": "DELETE"})
    for method in ("PUT", "TRACE", "CONNECT", "PROPFIND", "FOO"):
        answer = alice.api.request(method, path)
        assert answer.status_code in {400, 405, 501}, method
    assert alice.document(document_id)["state"] == "clean"
    promises.hold()


def test_another_site_cannot_speak_for_a_session(
    alice: Person, canary: Canary, promises: Promises
) -> None:
    """Row 51: what a foreign page can send without asking (text/plain, a form) changes nothing."""
    before = {one["id"] for one in alice.documents()}
    with alice.browser() as browser:
        for kind in ("text/plain", FORM_TYPE, "application/x-www-form-urlencoded"):
            for path in ("/api/v1/documents?name=a.txt", "/documents"):
                answer = browser.post(
                    path,
                    content=form((FILE, b"hello")),
                    headers={"Content-Type": kind, "Origin": canary.url, "Accept": "text/plain"},
                )
                assert answer.status_code in {403, 415}, (kind, path, answer.text)
                assert "Access-Control-Allow-Origin" not in answer.headers
    assert {one["id"] for one in alice.documents()} == before
    promises.hold()


OVERLONG = {
    "64 kB cookie": {"Cookie": "session=" + "x" * 65536},
    "200 headers": {f"X-Header-{number}": "x" for number in range(200)},
}


@pytest.mark.parametrize("what", OVERLONG)
def test_too_many_headers_are_refused_before_anything_else(
    stack: Stack, promises: Promises, what: str
) -> None:
    """Row 52: 431 in the same form as every other refusal."""
    answer = plain.get(f"{stack.base_url}/api/v1/policy", headers=OVERLONG[what])
    assert (answer.status_code, answer.json()["code"]) == (431, "headers-too-large")
    promises.hold()


def test_a_target_of_16_kb_is_refused(stack: Stack, promises: Promises) -> None:
    """Row 52, the request line."""
    host = urlsplit(stack.base_url).netloc
    answer = raw.exchange(
        stack.port, [b"GET /%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (b"a" * 16384, host.encode())]
    )
    assert answer.status in {414, 431}
    assert json.loads(answer.body)["code"] == "headers-too-large"
    promises.hold()


def test_every_truncation_of_a_form_is_answered(alice: Person, promises: Promises) -> None:
    """Wherever a form breaks off, the answer is a documented refusal or the whole file."""
    whole = form((FILE, samples.txt()))
    for end in range(0, len(whole) - len("--\r\n"), 3):
        assert _form(alice, whole[:end]) in {(400, "malformed"), (422, "invalid")}, end
    promises.hold()


@pytest.mark.parametrize(
    ("framing", "said"),
    [
        (b"Content-Length: 12582912", "close"),
        (b"Transfer-Encoding: chunked", "close"),
        (b"Content-Length: 1048576", "keep-alive"),
    ],
)
def test_a_refusal_says_whether_the_connection_goes_on(
    alice: Person, framing: bytes, said: str
) -> None:
    """Of what is left of the body 8 MiB are read at most; more of it ends the connection."""
    refused = head(alice, framing, target="/api/v1/documents?name=a.exe")
    with socket.create_connection(("127.0.0.1", alice.stack.port), timeout=raw.SECONDS) as line:
        first = raw.exchange_on(line, [refused, b"4\r\n"])
        assert (first.status, first.headers["connection"]) == (415, said)
        if said == "keep-alive":
            rest = b"x" * (MIB - 3)
            again = raw.exchange_on(line, [rest, head(alice, b"Content-Length: 0")])
            assert again.code == "empty-file"
