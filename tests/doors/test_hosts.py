"""Hosts: each answers for its own routes, and no other name is served."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support import plain, raw
from tests.support.headers import assert_secure
from tests.support.people import Person
from tests.support.stack import Stack

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil"])
def test_another_host_is_misdirected(stack: Stack, host: str) -> None:
    """A request for a host that this service is not is 421, under all headers."""
    answer = plain.get(f"{stack.base_url}/api/v1/policy", headers={"Host": host})
    assert code(answer) == (421, "misdirected")
    assert_secure(answer)


def test_capitals_make_no_other_host(stack: Stack) -> None:
    """Names are compared without regard to case (RFC 9110 section 4.2.3)."""
    host = stack.content_url.removeprefix("http://")
    assert "localhost" in host
    answer = plain.get(f"{stack.base_url}/renditions/nonsense", headers={"Host": host.upper()})
    assert code(answer) == (404, "not-found")
    assert_secure(answer, content_host=True)


def test_the_app_is_not_on_the_content_host(stack: Stack, alice: Person) -> None:
    """Pages and API do not exist where user content lives."""
    for path in ("/sign-in", "/documents", "/api/v1/documents", "/static/logo.svg"):
        answer = plain.get(
            stack.content_url + path, headers={"Authorization": f"Bearer {alice.key}"}
        )
        assert answer.status_code == 404, path
        assert_secure(answer, content_host=True)


@pytest.mark.parametrize("path", ["/", "/renditions/nonsense", "/nowhere"])
def test_a_person_on_the_content_host_is_shown_the_way(stack: Stack, path: str) -> None:
    """There are no styled pages there: bare text says where the service is."""
    answer = plain.get(stack.content_url + path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "only hands out content" in answer.text
    assert f" {stack.base_url}/\n" in answer.text
    assert_secure(answer, content_host=True)
    program = plain.get(stack.content_url + path)
    assert program.json()["type"] == f"{stack.base_url}/problems/not-found"


def test_a_broken_link_is_the_page_of_links(stack: Stack) -> None:
    """Where a program that shows mail has put something behind the address, for example."""
    for path in ("/links/nonsense", "/links/nonsense/", "/links/a/b"):
        answer = plain.get(stack.content_url + path, headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8", path
        assert_secure(answer, content_host=True)


WRONG_METHODS = [
    ("content", "/tickets/nonsense", "DELETE", 405),
    ("content", "/links/nonsense", "PUT", 405),
    ("base", "/tickets/nonsense", "DELETE", 404),
    ("content", "/api/v1/policy", "PUT", 404),
    ("base", "/api/v1/policy", "PUT", 405),
    ("content", "/livez", "POST", 405),
]


@pytest.mark.parametrize(("host", "path", "method", "status"), WRONG_METHODS)
def test_a_wrong_method_is_told_where_the_route_is(
    stack: Stack, host: str, path: str, method: str, status: int
) -> None:
    """On its own host and on no other."""
    answer = plain.request(method, getattr(stack, f"{host}_url") + path)
    assert answer.status_code == status
    assert ("GET" in answer.headers.get("Allow", "")) == (status == 405)


def test_a_probe_is_hidden_whatever_the_method(stack: Stack) -> None:
    answer = plain.post(f"{stack.base_url}/livez", headers={"X-Forwarded-For": "127.0.0.1"})
    assert code(answer) == (404, "not-found")


@pytest.mark.parametrize("path", ["//documents", "/api//v1/policy", "//links/nonsense"])
def test_an_address_is_not_corrected(stack: Stack, path: str) -> None:
    """A redirect of the router's would be a page of its own, also for programs."""
    for base in (stack.base_url, stack.content_url):
        answer = raw.exchange(
            stack.port, [raw.head("GET", path, {"Host": base.removeprefix("http://")})]
        )
        assert (answer.status, answer.code) == (404, "not-found")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_refused_from_behind_a_proxy(stack: Stack, path: str) -> None:
    """A forwarded request for the operator's probes is 404."""
    assert plain.get(stack.base_url + path).status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = plain.get(stack.base_url + path, headers={name: "127.0.0.1"})
        assert answer.status_code == 404, name
        assert_secure(answer)


REFUSED_BY_SERVER = [
    (b"NONSENSE\r\n\r\n", 400, "malformed"),
    (b"G<script>T /s3cret HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nno colon s3cret\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "malformed"),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers-too-large"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers-too-large"),
    (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431, "headers-too-large"),
    (
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 8000) for n in range(9)),
        431,
        "headers-too-large",
    ),
]


@pytest.mark.parametrize(("request_head", "status", "problem"), REFUSED_BY_SERVER)
def test_what_the_server_refuses_reads_like_every_other_refusal(
    stack: Stack, request_head: bytes, status: int, problem: str
) -> None:
    """What never becomes a request is a problem document under all headers, and quotes nothing."""
    answer = raw.exchange(stack.port, [request_head])
    assert (answer.status, answer.code) == (status, problem)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.json["status"] == status
    assert b"s3cret" not in answer.body
    seen = httpx.Response(answer.status, headers=answer.headers)
    assert_secure(seen, content_host=True)


def test_the_server_logs_its_refusals_as_we_do(stack: Stack) -> None:
    """One JSON object a line, found by the id that the answer has."""
    answer = raw.exchange(stack.port, [b"NONSENSE\r\n\r\n"])
    whole = stack.log.read_text().rpartition("\n")[0]  # the last one may just be written
    lines = [json.loads(line) for line in whole.splitlines() if "{" in line]
    (ours,) = [one for one in lines if one.get("request_id") == answer.headers["x-request-id"]]
    assert (ours["event"], ours["code"]) == ("refused_by_server", "malformed")
    assert any(one.get("logger") == "gunicorn.error" for one in lines)


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_garbled_request_is_a_clean_refusal(stack: Stack, request_head: bytes) -> None:
    """What is not HTTP, or says two lengths at once, is a 4xx and names no software."""
    answer = raw.exchange(stack.port, [request_head])
    assert 400 <= answer.status < 500
    for word in (b"Traceback", b"gunicorn", b"Werkzeug"):
        assert word not in answer.body
