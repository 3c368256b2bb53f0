"""Requests that could be read in two ways, and counts that nobody may pass."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

import httpx
import pytest

from tests.support import raw
from tests.support.headers import assert_secure
from tests.support.people import Person
from tests.support.raw import BOUNDARY, FORM_TYPE, Answer, form
from tests.support.stack import Stack

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

TARGET = "/api/v1/documents"
TEXT = b"a plain text, long enough to be one\n"
FILE = (b'form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain', TEXT)
MIB = 1024 * 1024


def send(
    stack: Stack, person: Person, body: bytes, more: Mapping[str, str], target: str = TARGET
) -> Answer:
    """An upload by a plain socket, with exactly these headers beside the usual ones."""
    fields = {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {person.key}",
        "Content-Length": str(len(body)),
        **more,
    }
    return raw.exchange(stack.port, [raw.head("POST", target, fields), body])


FOREIGN = ["http://evil.example", "http://127.0.0.1:1", "http://evil@{own}", "https://localhost:1"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_target_that_names_another_host_is_misdirected(
    stack: Stack, alice: Person, origin: str
) -> None:
    """Absolute form overrules Host (RFC 9112 section 3.2.2): a Host that is ours does not help."""
    origin = origin.format(own=f"127.0.0.1:{stack.port}")
    for path in ("/api/v1/policy", "/livez", "/sign-in", "/nowhere"):
        fields = {"Host": f"127.0.0.1:{stack.port}", "Authorization": f"Bearer {alice.key}"}
        answer = raw.exchange(stack.port, [raw.head("GET", origin + path, fields)])
        assert answer.status in {400, 421}, path
        assert b"evil" not in answer.body


def test_a_target_that_names_this_host_is_served(stack: Stack, alice: Person) -> None:
    fields = {"Host": f"127.0.0.1:{stack.port}", "Authorization": f"Bearer {alice.key}"}
    target = f"{stack.base_url}/api/v1/policy"
    assert raw.exchange(stack.port, [raw.head("GET", target, fields)]).status == 200


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_cannot_be_changed_on_the_way(alice: Person, header: str) -> None:
    """The request line alone says what is done, whatever a header or a member says."""
    kept = alice.upload("kept.txt", TEXT)
    answer = alice.api.get(f"/documents/{kept}", headers={header: "DELETE"})
    assert answer.status_code == 200
    assert answer.json()["state"] != "deleted"
    refused = alice.api.post(f"/documents/{kept}", headers={header: "DELETE"})
    assert (refused.status_code, refused.json()["code"]) == (405, "method-not-allowed")
    refused = alice.api.post(f"/documents/{kept}", data={"_method": "DELETE"})
    assert refused.status_code == 405
    assert alice.document(kept)["state"] != "deleted"


@pytest.mark.parametrize("coding", ["gzip", "deflate, gzip", "br", "identity, gzip", "nonsense"])
def test_a_coded_body_is_refused_before_it_is_read(
    stack: Stack, alice: Person, coding: str
) -> None:
    """It would be kept as it came, under the type of what it is not."""
    sent = {"Content-Type": "text/plain", "Content-Encoding": coding}
    body = gzip.compress(TEXT)
    for target, more in (
        (TARGET + "?name=a.txt", sent),
        (TARGET, {**sent, "Content-Type": FORM_TYPE}),
    ):
        answer = send(stack, alice, body, more, target)
        assert (answer.status, answer.code) == (415, "unsupported-media-type")
        assert_secure(httpx.Response(answer.status, headers=answer.headers))


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_a_body_in_no_coding_is_taken(stack: Stack, alice: Person, coding: str) -> None:
    sent = {"Content-Type": "text/plain", "Content-Encoding": coding}
    assert send(stack, alice, TEXT, sent, TARGET + "?name=a.txt").status == 202


UNREADABLE = [
    ("no boundary", "multipart/form-data", form(FILE), 400),
    ("a boundary of 1 MiB", "multipart/form-data; boundary=" + "b" * MIB, form(FILE), 431),
    ("a long boundary", "multipart/form-data; boundary=" + "b" * 71, form(FILE), 400),
    ("100,000 parts", FORM_TYPE, form(*[(b'form-data; name="x"', b"")] * 100_000), 422),
    (
        "a part header of 1 MiB",
        FORM_TYPE,
        form((b'form-data; name="file"; filename="a.txt"\r\nX: ' + b"x" * MIB, TEXT)),
        431,
    ),
    ("no end", FORM_TYPE, form(FILE).removesuffix(b"--%b--\r\n" % BOUNDARY.encode()), 400),
]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [row[1:] for row in UNREADABLE],
    ids=[row[0] for row in UNREADABLE],
)
def test_a_form_past_any_count_is_refused_and_leaves_nothing(
    stack: Stack, alice: Person, content_type: str, body: bytes, status: int
) -> None:
    before = {one["id"] for one in alice.documents()}
    answer = send(stack, alice, body, {"Content-Type": content_type})
    assert answer.status == status, answer.body
    assert {one["id"] for one in alice.documents()} == before


def test_the_page_reads_no_more_parts_than_it_counts(stack: Stack, alice: Person) -> None:
    """The form of the page takes several parts, and is refused with the first one too many."""
    with alice.browser() as browser:
        token = browser.token("/documents")
        body = form(
            (b'form-data; name="csrf_token"', token.encode()),
            *[(b'form-data; name="x"', b"")] * 100_000,
        )
        answer = browser.post("/documents", content=body, headers={"Content-Type": FORM_TYPE})
    assert answer.status_code == 431


def test_a_plain_field_of_100_mib_is_refused_and_not_remembered(
    stack: Stack, alice: Person
) -> None:
    """CVE-2024-49767: what a field may weigh is counted while it comes."""
    with alice.browser() as browser:
        token = browser.token("/documents")
        body = form((b'form-data; name="csrf_token"', token.encode() + b"a" * 100 * MIB))
        before = stack.web_rss()
        answer = browser.post("/documents", content=body, headers={"Content-Type": FORM_TYPE})
    assert answer.status_code == 413
    assert stack.web_rss() - before < 32 * MIB


HEADS = [
    ("a cookie of 64 KiB", {"Cookie": "a=" + "b" * 65536}, "/", {400, 431}),
    ("200 headers", {f"X-{number}": "a" for number in range(200)}, "/", {400, 431}),
    ("an address of 16 KiB", {}, "/" + "a" * 16384, {400, 414, 431}),
    ("many small cookies", {"Cookie": "; ".join(f"c{n}=1" for n in range(900))}, "/sign-in", {200}),
]


@pytest.mark.parametrize(
    ("fields", "target", "statuses"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS]
)
def test_a_head_past_any_count_is_refused(
    stack: Stack, fields: Mapping[str, str], target: str, statuses: set[int]
) -> None:
    sent = {"Host": f"127.0.0.1:{stack.port}", **fields}
    assert raw.exchange(stack.port, [raw.head("GET", target, sent)]).status in statuses
