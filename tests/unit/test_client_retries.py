"""What the client tries again, after how long, and what it makes of errors."""

from __future__ import annotations

import gzip
import io
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from uploads_client import (
    Client,
    Method,
    NotReachable,
    NotTrusted,
    Retries,
    UploadsError,
    WaitTimeout,
)
from uploads_client.retrying import passes, retry_after

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
QUICK = Retries(first=0)
DEEP = b"[" * 100_000


def client(answer: Callable[[httpx.Request], httpx.Response], **more: object) -> Client:
    """A client whose every request is answered so."""
    transport = httpx.MockTransport(answer)
    return Client("http://service.test", "a-key", transport=transport, retries=QUICK, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_be_over_soon_is_tried_again(status: int) -> None:
    assert passes(UploadsError("", status=status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 501, 505, 507, None])
def test_a_decision_is_taken_as_one(status: int | None) -> None:
    assert not passes(UploadsError("", status=status))


def test_a_request_that_still_runs_under_its_key_is_asked_again() -> None:
    assert passes(UploadsError("", status=409, retry_after=1))
    assert passes(NotReachable("nobody"))


def test_pauses_grow_to_a_bound_and_are_spread() -> None:
    retries, error = Retries(attempts=9, first=1, most=8), NotReachable("nobody")
    assert [retries.wait(n, error, lambda: 1.0) for n in range(1, 6)] == [1, 2, 4, 8, 8]
    assert [retries.wait(n, error, lambda: 0.0) for n in range(1, 4)] == [0.5, 1, 2]
    assert retries.wait(9, error, lambda: 0.0) is None


def test_what_the_service_asks_for_comes_on_top() -> None:
    """More than the client is ready to give ends it."""
    retries = Retries(first=1, most_patience=60)
    assert retries.wait(1, UploadsError("", status=429, retry_after=60), lambda: 0.0) == 60.5
    assert retries.wait(1, UploadsError("", status=429, retry_after=61), lambda: 0.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 0 ", 0),
        ("Sat, 21 Nov 2026 12:00:09 GMT", 9),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_a_passing_error_is_over_with_the_next_answer() -> None:
    answers = iter([httpx.Response(503), httpx.Response(429, headers={"Retry-After": "0"})])
    good = {"items": [], "next_cursor": None}
    with client(lambda request: next(answers, httpx.Response(200, json=good))) as asked:
        assert list(asked.list()) == []


@pytest.mark.parametrize(("times", "fine"), [(QUICK.attempts * 2, True), (1000, False)])
def test_what_still_runs_is_waited_for_but_not_for_ever(times: int, fine: bool) -> None:
    """Asking whether the first request is over is no further try."""
    running = [httpx.Response(409, headers={"Retry-After": "0"})] * times
    answers = iter(running)
    good = {"id": "doc_a", "size": 1, "state": "clean"}
    with client(lambda request: next(answers, httpx.Response(200, json=good))) as asked:
        if fine:
            assert asked.get("doc_a").id == "doc_a"
            return
        with pytest.raises(UploadsError) as refused:
            asked.get("doc_a")
    assert refused.value.status == 409


def test_the_last_error_is_told() -> None:
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("refused")

    with client(refuse) as one, pytest.raises(NotReachable, match="refused"):
        one.get("doc_a")
    assert len(asked) == QUICK.attempts


@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_without_end_is_not_read_for_ever(status: int) -> None:
    pieces = iter([b" " * 2**22] * 30)
    with (
        client(lambda request: httpx.Response(status, content=pieces)) as one,
        pytest.raises(UploadsError) as refused,
    ):
        one.get("doc_a")
    assert refused.value.code == "unreadable-answer"
    assert len(list(pieces)) > 20


def test_a_packed_answer_is_read() -> None:
    found = {"id": "doc_a", "name": None, "size": 1, "state": "deleted"}
    body = gzip.compress(json.dumps(found).encode())
    headers = {"Content-Encoding": "gzip"}
    with client(lambda request: httpx.Response(200, content=body, headers=headers)) as one:
        assert one.get("doc_a").state == "deleted"


def test_a_certificate_that_is_not_trusted_is_a_decision() -> None:
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("self-signed") from ssl.SSLCertVerificationError("self-signed")

    with client(refuse) as one, pytest.raises(NotTrusted, match="SSL_CERT_FILE"):
        one.get("doc_a")
    assert len(asked) == 1


def test_a_problem_becomes_an_error_with_all_its_members() -> None:
    problem = {
        "type": "/problems/quota-exceeded",
        "code": "quota-exceeded",
        "detail": "No room.",
        "request_id": "r1",
        "quota": 5,
    }
    headers = {"Content-Type": "application/problem+json; charset=utf-8"}
    with (
        client(lambda request: httpx.Response(403, json=problem, headers=headers)) as one,
        pytest.raises(UploadsError) as refused,
    ):
        one.get("doc_a")
    error = refused.value
    assert (error.code, error.status, error.request_id) == ("quota-exceeded", 403, "r1")
    assert error.members["quota"] == 5
    assert str(error) == "quota-exceeded: No room. [request r1]"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"code": 5}', b"\xff", DEEP])
def test_a_problem_that_is_none_is_an_error_all_the_same(body: bytes) -> None:
    headers = {"Content-Type": "application/problem+json"}
    with (
        client(lambda request: httpx.Response(404, content=body, headers=headers)) as one,
        pytest.raises(UploadsError) as refused,
    ):
        one.get("doc_a")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"id": "doc_a"}',
        b'{"id":"d","size":"x","state":"clean"}',
        DEEP,
    ],
)
def test_an_answer_that_is_no_document_is_said_to_be_none(body: bytes) -> None:
    with (
        client(lambda request: httpx.Response(200, content=body)) as one,
        pytest.raises(UploadsError) as refused,
    ):
        one.get("doc_a")
    assert refused.value.code == "unreadable-answer"


def test_waiting_ends_with_its_time() -> None:
    """What is never settled is no answer."""
    found = {"id": "doc_a", "size": 1, "state": "scanning"}
    with (
        client(lambda request: httpx.Response(200, json=found)) as one,
        pytest.raises(WaitTimeout, match="scanning"),
    ):
        one.wait("doc_a", timeout=0)


def test_no_redirect_is_followed_with_the_key() -> None:
    """An answer elsewhere to a plain question is none of the service's."""
    asked: list[httpx.Request] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers={"Location": "http://elsewhere.test/"})

    with client(elsewhere) as one, pytest.raises(UploadsError):
        one.get("doc_a")
    assert [one.url.host for one in asked] == ["service.test"]


@pytest.mark.parametrize("method", ["put", "multipart"])
def test_where_nothing_is_signed_a_file_goes_through_the_service(method: Method) -> None:
    """At once, whole and with its digest; a service that refuses that as well is heard."""
    asked: list[httpx.Request] = []
    away = httpx.Response(
        503, json={"code": "unavailable", "part": "storage"}, headers={"Retry-After": "600"}
    )

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        asked.append(request)
        taken = {"id": "doc_a", "size": 5, "state": "quarantined"}
        streamed = request.url.path.endswith("/documents")
        return httpx.Response(202, json=taken) if streamed else away

    with client(answer) as one:
        assert one.upload(io.BytesIO(b"hello"), name="a.txt", method=method).id == "doc_a"
    assert [request.url.path for request in asked] == ["/api/v1/uploads", "/api/v1/documents"]
    assert asked[1].content == b"hello"
    assert "sha-256=:" in asked[1].headers["Repr-Digest"]
    with client(lambda request: away) as one, pytest.raises(UploadsError) as refused:
        one.upload(b"hello", name="a.txt", method=method)
    assert refused.value.status == 503


def test_a_refusal_of_a_grant_is_no_reason_to_stream() -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(415, json={"code": "type-not-allowed"})

    with client(refuse) as one, pytest.raises(UploadsError):
        one.upload(b"hello", name="a.exe", method="put")
    assert asked == ["/api/v1/uploads"]
