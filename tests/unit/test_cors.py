"""CORS: pages of listed origins may ask the API with a key, and nobody's cookie counts for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.described import document, resolved
from tests.support.program import program, services_at
from uploads.documents.model import Role
from uploads.security import cors
from uploads.wiring import Services

TOOLS = "https://tools.example.org"
METHODS = {"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}
REDIS_AWAY = "redis://127.0.0.1:9"
NOT_LISTED = ["null", "https://evil.example", f"{TOOLS}.evil.example", f"{TOOLS}/", TOOLS.upper()]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_at(tmp_path, REDIS_AWAY, cors_origins=(TOOLS, "https://other.example.org"))


@pytest.fixture
def api(services: Services) -> Iterator[FlaskClient]:
    with program(services) as client:
        yield client


def ask(client: FlaskClient, path: str, method: str = "GET", **more: Any) -> TestResponse:
    """As a page of the listed origin does, unless told."""
    headers = {"Origin": TOOLS, **more.pop("headers", {})}
    return client.open(path, method=method, headers=headers, **more)


def words(answer: TestResponse, name: str) -> set[str]:
    return {one.strip() for text in answer.headers.getlist(name) for one in text.split(",")}


def allowances(answer: TestResponse) -> list[str]:
    return [name for name in dict(answer.headers) if name.startswith("Access-Control-")]


def strangers(client: FlaskClient) -> FlaskClient:
    """The same without a key."""
    del client.environ_base["HTTP_AUTHORIZATION"]
    return client


def test_a_listed_page_may_read_answers_and_what_they_are_told_with(api: FlaskClient) -> None:
    """By the origin's own name, with all headers of the contract, and never with credentials."""
    answer = ask(api, "/api/v1/me")
    assert answer.status_code == 200
    assert answer.headers.getlist("Access-Control-Allow-Origin") == [TOOLS]
    assert words(answer, "Access-Control-Expose-Headers") == set(cors.TOLD)
    assert "Origin" in words(answer, "Vary")
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/api/v1/documents", {"headers": {"Authorization": "Bearer none"}}, 401),
        ("GET", "/api/v1/nowhere", {}, 404),
        ("PUT", "/api/v1/me", {}, 405),
        ("POST", "/api/v1/uploads", {"json": {"name": "x" * 70_000}}, 413),
        ("POST", "/api/v1/uploads", {"json": {}}, 422),
    ],
)
def test_refusals_can_be_read_too(
    api: FlaskClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    answer = ask(api, path, method, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == TOOLS
    assert "X-Request-Id" in words(answer, "Access-Control-Expose-Headers")


def test_so_can_what_nobody_expected(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is a hook that fails, after which no further hook runs."""
    monkeypatch.setitem(api.application.view_functions, "api.me", lambda: 1 / 0)
    assert ask(api, "/api/v1/me").status_code == 500
    assert ask(api, "/api/v1/me").headers["Access-Control-Allow-Origin"] == TOOLS
    api.application.after_request_funcs[None] = [lambda _: 1 / 0]  # type: ignore[list-item]
    failed = ask(api, "/api/v1/policy")
    assert failed.status_code == 500
    assert failed.headers["Access-Control-Allow-Origin"] == TOOLS


@pytest.mark.parametrize("origin", NOT_LISTED)
def test_no_other_page_may(api: FlaskClient, origin: str) -> None:
    """An origin is compared whole. That the answer depends on it is said all the same."""
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = ask(api, "/api/v1/me", method, headers=asked)
        assert answer.status_code == 200
        assert allowances(answer) == []
        assert "Origin" in words(answer, "Vary")


def test_whoever_keeps_copies_is_told_that_they_depend_on_the_origin(api: FlaskClient) -> None:
    answer = api.get("/api/v1/me")
    assert "Origin" in words(answer, "Vary")
    assert allowances(answer) == []


def test_a_browser_may_ask_first_without_a_key(api: FlaskClient) -> None:
    """The preflight: every method and every header that the API reads, no cookie."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    answer = ask(strangers(api), "/api/v1/documents", "OPTIONS", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == TOOLS
    assert words(answer, "Access-Control-Allow-Methods") == METHODS
    assert words(answer, "Access-Control-Allow-Headers") == set(cors.ASKED_WITH)
    assert 60 <= int(answer.headers["Access-Control-Max-Age"]) <= 86400
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("DELETE", "/api/v1/nowhere", 404), ("PUT", "/api/v1/me", 405)]
)
def test_it_may_ask_what_there_is_not(
    api: FlaskClient, method: str, path: str, status: int
) -> None:
    """Else its page would hear of no answer at all, and not of this one."""
    asked = {"Access-Control-Request-Method": method}
    answer = ask(api, path, "OPTIONS", headers=asked)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == TOOLS
    assert method in words(answer, "Access-Control-Allow-Methods")
    assert ask(api, path, method).status_code == status
    for other in ({}, {**asked, "Origin": "https://evil.example"}):
        expected = 404 if status == 404 else 200
        assert ask(api, path, "OPTIONS", headers=other).status_code == expected


def test_such_questions_count_against_the_address(tmp_path: Path) -> None:
    """To that of all who share it, and not of one who says not who he is."""
    rates = {"rate_default": "1/hour", "rate_address": "2/hour"}
    few = services_at(tmp_path, REDIS_AWAY, cors_origins=(TOOLS,), **rates)
    asked = {"Access-Control-Request-Method": "POST"}
    with program(few) as api:
        strangers(api)
        answers = [ask(api, "/api/v1/documents", "OPTIONS", headers=asked) for _ in range(3)]
        assert ask(api, "/api/v1/policy").status_code == 401
        refused = ask(api, "/api/v1/policy")
        asked["Origin"] = "https://evil.example"
        assert ask(api, "/api/v1/documents", "OPTIONS", headers=asked).status_code == 429
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert refused.status_code == 429
    assert refused.headers["Access-Control-Allow-Origin"] == TOOLS
    assert "Retry-After" in refused.headers
    assert "Retry-After" in words(refused, "Access-Control-Expose-Headers")


@pytest.mark.parametrize("path", ["/sign-in", "/documents", "/problems/gone", "/api/v2"])
def test_pages_are_for_no_other_origin(api: FlaskClient, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = ask(api, path, method, headers=asked)
        assert allowances(answer) == []
        assert "Origin" not in words(answer, "Vary")


@pytest.mark.parametrize("host", ["localhost:8000", "evil.example"])
def test_neither_is_any_other_host(api: FlaskClient, host: str) -> None:
    answer = ask(api, "/api/v1/policy", headers={"Host": host})
    assert answer.status_code in {404, 421}
    assert allowances(answer) == []


def test_without_the_setting_nothing_is_said(tmp_path: Path) -> None:
    asked = {"Access-Control-Request-Method": "GET"}
    with program(services_at(tmp_path, REDIS_AWAY)) as api:
        for answer in (ask(api, "/api/v1/me"), ask(api, "/api/v1/me", "OPTIONS", headers=asked)):
            assert answer.status_code == 200
            assert allowances(answer) == []
            assert "Vary" not in answer.headers


def test_a_cookie_counts_for_no_other_origin(services: Services, api: FlaskClient) -> None:
    """Listed or not: a session speaks for our own pages, with their token as well.

    A listed page is asked for its key; one that is not is refused as ever.
    """
    accounts = services.accounts
    accounts.create_user("bob@example.org", "a long password of bob", Role.USER)
    token = accounts.sign_in("bob@example.org", "a long password of bob")
    strangers(api).set_cookie("session", token, domain="127.0.0.1")
    assert api.get("/api/v1/me").status_code == 200
    assert ask(api, "/api/v1/me").status_code == 401
    assert ask(api, "/api/v1/me", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200
    page = api.get("/documents").text
    own = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    for origin, status in ((TOOLS, 401), ("https://evil.example", 403)):
        answer = ask(
            api,
            "/api/v1/keys",
            "POST",
            json={"name": "mine", "scopes": ["documents:read"]},
            headers={"Origin": origin, "X-CSRF-Token": own},
        )
        assert answer.status_code == status, answer.text
    form = ask(api, "/sign-out", "POST", data={"csrf_token": own})
    assert form.status_code == 403


def test_every_header_of_the_contract_is_named() -> None:
    """What the OpenAPI document says of the API's requests and answers, and what HTTP itself needs.

    Cache-Control, Content-Type, Content-Length and Last-Modified may be read without.
    """
    sent, told = set(), set()
    for path, item in document()["paths"].items():
        if not path.startswith("/api/v1/"):
            continue
        for operation in item.values():
            found = [resolved(one) for one in operation.get("parameters", [])]
            sent |= {one["name"] for one in found if one["in"] == "header"}
            for response in operation["responses"].values():
                told |= set(resolved(response).get("headers", {}))
    assert set(cors.ASKED_WITH) == sent | {"Authorization", "Content-Type"}
    assert set(cors.TOLD) == told | {"Allow"}
