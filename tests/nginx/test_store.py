"""The store through nginx: what the service signed passes, and nothing else gets there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import raw
from tests.support.grants import TEXT, asked, completed, part, sent
from tests.support.invariants import invariants
from tests.support.lax_store import Powers, lax_store
from tests.support.nginx import STORE, Nginx
from tests.support.people import Person
from tests.support.stack import Stack

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def grant(carol: Person) -> dict[str, Any]:
    return asked(carol)


def target(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def answered(nginx: Nginx, method: str, path: str, **headers: str) -> raw.Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    head = raw.head(method, path, {"Host": f"{STORE}:{nginx.port}", **named})
    return nginx.exchange(head, name=STORE)


def test_a_file_goes_straight_in_and_comes_out_under_the_public_name(
    nginx: Nginx, proxied: Stack, carol: Person
) -> None:
    """Signed for a name and a scheme that the store itself does not know."""
    content = b"%s\n" % (b"some text " * 100) * (17 * MIB // 1001)
    made = asked(carol, size=len(content), method="multipart")
    for number, body in ((2, content[16 * MIB :]), (1, content[: 16 * MIB])):
        assert part(made, number)["request"]["url"].startswith(nginx.store_url + "/incoming/")
        answer = sent(carol, made, body, number)
        assert answer.status_code == 200, answer.text
    found = carol.settle(completed(carol, made)["id"])
    assert (found["state"], found["sha256"]) == ("clean", hashlib.sha256(content).hexdigest())
    location = carol.api.get(f"/documents/{found['id']}/content").headers["Location"]
    assert location.startswith(nginx.store_url + "/clean/")
    fetched = carol.fetch("GET", location)
    assert fetched.content == content
    assert fetched.headers["Content-Disposition"].startswith("attachment")
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"
    assert fetched.headers["Content-Security-Policy"].startswith("sandbox")
    assert "X-Amz-Signature" not in nginx.log()
    head = carol.api.head(f"/documents/{found['id']}/content")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    invariants(proxied, carol)


def test_whoever_brings_a_key_along_does_not_show_it_to_the_store(
    carol: Person, grant: dict[str, Any]
) -> None:
    """A client that follows redirects with its header: two ways to sign are an error of S3."""
    headers = {**grant["request"]["headers"], "Authorization": f"Bearer {carol.key}"}
    answer = carol.fetch("PUT", grant["request"]["url"], headers=headers, content=TEXT)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_a_signed_put_is_a_put(nginx: Nginx, grant: dict[str, Any], method: str) -> None:
    found = answered(nginx, method, target(grant["request"]["url"]), Content_Length="0")
    assert found.status in {404, 405}
    assert b"<?xml" not in found.body


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/incoming",
        "/incoming/",
        "/clean/?list-type=2",
        "/clean?list-type=2&{signed}",
        "/?{signed}",
        "/incoming/?{signed}",
        "/incoming/abc/?{signed}",
        "/incoming/abc/def",
        "/incoming/abc/def?{signed}",
        "/quarantine/abc/def?{signed}",
        "/clean/abc/def",
        "/clean/abc/def?{signed}&uploads",
        "/clean/abc/def?{signed}&acl=",
        "/clean/abc/def?{signed}&versionId=1",
        "/clean/abc/../def?{signed}",
        "/clean//def?{signed}",
        "/clean/abc/%64ef?{signed}",
        "/clean/abc/def/ghi?{signed}",
        "/clean/abc/def?X-Amz-Signature=" + "0" * 63,
        "/clean/abc/def?X-Amz-Signatur=" + "0" * 64,
    ],
)
def test_what_is_no_signed_object_never_reaches_the_store(
    nginx: Nginx, proxied: Stack, path: str
) -> None:
    """The words are nginx's own: no list, no bucket, no other query."""
    signed = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64
    found = answered(nginx, "GET", path.format(signed=signed))
    assert (found.status, found.code) in {(404, "not-found"), (400, "malformed")}
    assert proxied.base_url == nginx.app_url


SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64
LISTED = "https://tools.test"
TARGET = f"/incoming/abc/def?{SIGNED}"


@pytest.fixture(scope="module")
def before_a_store_with_rules() -> Iterator[Nginx]:
    """nginx alone, before a store that says to every preflight that pages may put."""
    with lax_store(Powers(cors=True)) as store:
        there = f"server {store.removeprefix('http://')};"
        listed = f'$listed_origin {{\n    "{LISTED}" 1;'
        changes = {"server 127.0.0.1:8001;": there, "$listed_origin {": listed}
        server = Nginx(changes=changes)
        try:
            yield server.start()
        finally:
            server.close()


def preflight(
    nginx: Nginx, path: str = f"/incoming/abc/def?{SIGNED}", **changes: str
) -> raw.Answer:
    """What a browser asks before a page of ours puts; `changes` are other headers."""
    asked = {
        "Origin": nginx.app_url,
        "Access_Control_Request_Method": "PUT",
        "Access_Control_Request_Headers": "content-type",
        **changes,
    }
    sent = {name: text for name, text in asked.items() if text}
    return answered(nginx, "OPTIONS", path, **sent)


def test_what_a_browser_asks_before_a_signed_put_is_for_the_store_to_answer(
    before_a_store_with_rules: Nginx,
) -> None:
    for more in ({}, {"Content_Length": "0"}, {"Origin": LISTED}):
        found = preflight(before_a_store_with_rules, **more)
        assert found.status == 200
        assert found.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "https://evil.test"},
        {"Origin": f"https://{STORE}"},
        {"Origin": f"{LISTED}.evil.test"},
        {"Origin": LISTED, "path": f"/clean/abc/def?{SIGNED}"},
        {"Origin": LISTED, "Content_Length": "1"},
        {"Origin": LISTED, "Access_Control_Request_Method": "PUT|PUT"},
        {"Access_Control_Request_Method": ""},
        {"Access_Control_Request_Method": "GET"},
        {"Access_Control_Request_Method": "DELETE"},
        {"Content_Length": "1"},
        {"path": f"/clean/abc/def?{SIGNED}"},
        {"path": f"/quarantine/abc/def?{SIGNED}"},
        {"path": "/incoming/abc/def"},
        {"path": f"/incoming?{SIGNED}"},
        {"path": f"/incoming/abc/def?{SIGNED}&uploads"},
    ],
)
def test_no_other_question_reaches_the_store(
    before_a_store_with_rules: Nginx, changes: dict[str, str]
) -> None:
    found = preflight(before_a_store_with_rules, **changes)
    # A browser asks no further, whoever may read that.
    assert (found.status, found.code) == (404, "not-found")
    assert "access-control-allow-methods" not in found.headers


def test_a_page_that_only_resembles_ours_asks_in_vain(before_a_store_with_rules: Nginx) -> None:
    """The origin is compared whole, and what divides the words of the rule is no way around it."""
    ours = before_a_store_with_rules.app_url
    for origin in (f"{ours}0", ours.upper(), f"{ours}|{ours}", f"PUT|{ours}", f"{ours}/"):
        assert preflight(before_a_store_with_rules, Origin=origin).status == 404
        mixed = preflight(
            before_a_store_with_rules, Origin="x", Access_Control_Request_Method=f"PUT|{origin}"
        )
        assert mixed.status == 404


def test_a_forged_signature_is_for_the_store_to_refuse(
    nginx: Nginx, carol: Person, grant: dict[str, Any]
) -> None:
    url = grant["request"]["url"]
    forged = url[:-64] + "0" * 64
    answer = carol.fetch("PUT", forged, headers=grant["request"]["headers"], content=TEXT)
    assert answer.status_code == 403
    assert b"SignatureDoesNotMatch" in answer.content


def test_a_body_without_a_length_is_not_let_through(nginx: Nginx, grant: dict[str, Any]) -> None:
    path = target(grant["request"]["url"])
    found = answered(nginx, "PUT", path, Transfer_Encoding="chunked", Content_Type="text/plain")
    assert found.status == 404
