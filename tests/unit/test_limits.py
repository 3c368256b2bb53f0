"""Limits and headers in a small app: whose budget is spent, and what survives a failing part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from werkzeug.test import TestResponse

from uploads import errors
from uploads.config import Settings
from uploads.documents.model import Actor, Role, Scope, User
from uploads.security import devices, headers, limits
from uploads.security.addresses import address as address_of_request

RATE = 3
DEFAULT = 400
FAILED = 5
SIGN_IN = "/sign-in"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = Settings(
        data=tmp_path,
        rate_default=f"{DEFAULT}/minute",
        rate_failed=f"{FAILED}/minute",
        rate_sign_in=f"{RATE}/minute",
        rate_link_password=f"{RATE}/minute",
    )
    # What no operator may set: counters without Redis.
    return given.model_copy(update={"redis_url": "memory://"})


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Two doors, the real limits and headers; the counters are in memory."""
    app = Flask("small")
    app.config.update(MAX_CONTENT_LENGTH=1000)
    app.extensions["services"] = SimpleNamespace(
        settings=settings, accounts=SimpleNamespace(user=_user)
    )
    errors.install(app)
    headers.install(app, settings)
    limiter = limits.make_limiter(app, settings)
    app.extensions["uploads.limiter"] = limiter
    for endpoint in ("api.upload", "web.upload"):
        app.add_url_rule(f"/{endpoint}", endpoint, lambda: "done", methods=["POST"])
    app.add_url_rule(SIGN_IN, "web.sign_in", _sign_in, methods=["POST"])
    for endpoint in ("content.link", "content.enter"):
        app.add_url_rule(f"/{endpoint}", endpoint, lambda: "done")
    for endpoint in ("api.create_link", "web.create_link"):
        app.add_url_rule(f"/{endpoint}", endpoint, _create_link, methods=["POST"])
    limits.apply(app, limiter, settings)
    app.after_request(lambda response: limits.add_rate_headers(limiter, response))
    yield app
    limiter.reset()


def _create_link() -> str:
    return "made"


def _sign_in() -> str:
    return "asked for " + request.form.get("email", "nobody")


def limiter_of(app: Flask) -> Limiter:
    found: Limiter = app.extensions["uploads.limiter"]
    return found


def sign_in(app: Flask, email: str, address: str) -> TestResponse:
    return app.test_client().post(
        SIGN_IN, data={"email": email}, environ_base={"REMOTE_ADDR": address}
    )


def statuses(app: Flask, email: str, address: str, times: int) -> list[int]:
    return [sign_in(app, email, address).status_code for _ in range(times)]


def test_a_stranger_cannot_keep_the_owner_out(app: Flask) -> None:
    """Guesses from one address, however many, leave the account open for every other address."""
    got = statuses(app, "ann@example.org", "192.0.2.1", RATE * 20)
    assert got == [200] * RATE + [429] * (RATE * 19)
    assert sign_in(app, "ann@example.org", "192.0.2.2").status_code == 200


def test_an_address_cannot_try_one_account_after_the_other(app: Flask) -> None:
    """The budget of an address is one for all accounts."""
    got = [sign_in(app, f"n{n}@example.org", "192.0.2.1").status_code for n in range(RATE + 1)]
    assert got == [200] * RATE + [429]


def test_guesses_from_everywhere_at_one_account_end_as_well(app: Flask) -> None:
    """Ten times the rate is what one account takes, in whatever spelling it is named."""
    spellings = ("ann@example.org", " ANN@Example.org ")
    got = [sign_in(app, spellings[n % 2], f"192.0.2.{n}").status_code for n in range(RATE * 10 + 1)]
    assert got == [200] * (RATE * 10) + [429]
    assert sign_in(app, "bob@example.org", "198.51.100.1").status_code == 200


def test_strangers_everywhere_do_not_keep_the_owners_own_browser_out(
    app: Flask, settings: Settings
) -> None:
    """It is known by a cookie, for that account alone, and has the same bound for itself."""
    ann = f"device={_device(settings, 'ann@example.org')}"

    def tried(email: str, number: int, cookie: str = "") -> int:
        headers, place = {"Cookie": cookie}, {"REMOTE_ADDR": f"192.0.2.{number}"}
        client = app.test_client(use_cookies=False)
        sent = client.post(SIGN_IN, data={"email": email}, headers=headers, environ_base=place)
        return sent.status_code

    for email in ("ann@example.org", "bob@example.org"):
        assert [tried(email, n) for n in range(RATE * 10)] == [200] * (RATE * 10)
    assert tried("ann@example.org", 200) == 429
    for cookie in (ann[:-1], "device=x", "device=", f"device={_device(settings, 'x@example.org')}"):
        assert tried("ann@example.org", 201, cookie) == 429
    assert tried("bob@example.org", 202, ann) == 429
    assert [tried(" Ann@example.org", 203, ann) for _ in range(RATE + 1)] == [200] * RATE + [429]
    left = [tried("ann@example.org", 210 + n // RATE, ann) for n in range(RATE * 9 + 1)]
    assert left == [200] * (RATE * 9) + [429]


def _user(email: str) -> User:
    return User("usr_1", email, "a hash", Role.USER, datetime.now(UTC))


def _device(settings: Settings, email: str) -> str:
    """What a browser has from signing in with this address."""
    response = Response()
    devices.set_cookie(settings, response, _user(email))
    return response.headers["Set-Cookie"].partition(";")[0].removeprefix("device=")


def test_the_headers_tell_the_narrowest_limit(app: Flask) -> None:
    """What is announced is what bites first, before it bites and when it does."""
    answers = [sign_in(app, "ann@example.org", "192.0.2.1") for _ in range(RATE + 1)]
    assert {one.headers["RateLimit-Policy"] for one in answers} == {f'"sign-in";q={RATE};w=60'}
    left = [one.headers["RateLimit"].split(";")[1] for one in answers]
    assert left == ["r=2", "r=1", "r=0", "r=0"]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_the_headers_tell_what_counts_everywhere_where_that_bites_first(app: Flask) -> None:
    """A view's own limit takes nothing of what is told, whether it is for this request or not."""
    client = app.test_client()
    assert client.post("/api.create_link").headers["RateLimit"].startswith('"default";r=399')
    for _ in range(DEFAULT - RATE):
        client.get("/x")
    answer = sign_in(app, "ann@example.org", "127.0.0.1")
    assert answer.headers["RateLimit"].startswith('"default";r=1;')


@pytest.mark.parametrize(
    "send",
    [
        {"data": {"email": "x" * 2000}},
        {"data": b"--", "content_type": "multipart/form-data"},
        {"data": {"email": "no address"}},
        {"data": {}},
    ],
)
def test_no_form_makes_the_limiter_give_up_its_store(app: Flask, send: dict[str, Any]) -> None:
    """A form that cannot be read counts for its address, and changes nothing for others."""
    for _ in range(RATE):
        answer = app.test_client().post(SIGN_IN, **send)
        assert answer.status_code in {200, 413}
    assert app.test_client().post(SIGN_IN, **send).status_code == 429
    assert limiter_of(app).limiter is limiter_of(app)._limiter


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("192.0.2.1:1234", "192.0.2.1:99", True),
        ("192.0.2.1:1234", "192.0.2.1", True),
        ("[2001:db8:0:1::1]:5", "2001:db8:0:1::9", True),
        ("not an address", "another one", True),
        ("", "not an address", False),
    ],
)
def test_whose_address_is_whose(app: Flask, one: str, other: str, same: bool) -> None:
    """An IPv4 address is one customer, in either family; of IPv6 the /64 is."""

    def key(address: str) -> str:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return address_of_request()

    assert (key(one) == key(other)) is same


def test_a_store_that_dies_during_the_request_costs_its_own_headers_alone(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is done: the answer goes out, without figures and with all security headers."""

    def hang(*_: object) -> None:
        raise TimeoutError("Timeout reading from socket")

    monkeypatch.setattr(limiter_of(app).limiter, "get_window_stats", hang)
    answer = app.test_client().post("/api.upload")
    assert (answer.status_code, answer.text) == (200, "done")
    assert "RateLimit" not in answer.headers
    assert_secured(answer)


def test_a_failing_hook_takes_no_security_header_with_it(app: Flask) -> None:
    """Whatever breaks after the view, the answer is ours and guarded."""

    @app.after_request
    def broken(_: Response) -> Response:
        raise RuntimeError("broken")

    answer = app.test_client().post("/api.upload")
    assert answer.status_code == 500
    assert answer.json is not None
    assert answer.json["code"] == "internal"
    assert_secured(answer)


def assert_secured(answer: TestResponse) -> None:
    """What Talisman sets, and what we add."""
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


def test_one_budget_counts_across_all_routes_and_what_is_none(app: Flask) -> None:
    """An unknown address and a wrong method are counted; another address is another budget."""
    client = app.test_client()
    ways = [("POST", "/api.upload"), ("POST", "/web.upload"), ("GET", "/api.upload"), ("GET", "/x")]
    answers = [client.open(path, method=method) for method, path in ways * (DEFAULT // 4)]
    assert {one.status_code for one in answers} == {200, 405, 404}
    for method, path in ways:
        refused = client.open(path, method=method)
        assert refused.status_code == 429
        assert refused.headers["RateLimit-Policy"] == f'"default";q={DEFAULT};w=60'
    other = client.get("/x", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert other.status_code == 404


def test_a_credential_that_is_none_is_counted_by_its_address(app: Flask) -> None:
    """Guesses end before requests do; without a guess the address may go on."""
    client, guess = app.test_client(), {"Authorization": "Bearer guess"}
    answers = [client.post("/api.upload", headers=guess) for _ in range(FAILED + 1)]
    assert [one.status_code for one in answers] == [200] * FAILED + [429]
    assert answers[-1].headers["RateLimit-Policy"] == f'"failed";q={FAILED};w=60'
    assert client.post("/api.upload").status_code == 200


def test_passwords_given_to_links_are_bounded_by_user(app: Flask) -> None:
    """To hash one costs what trying one does. Links without one are counted like anything else."""

    def made(user: str, endpoint: str = "api", **more: Any) -> int:
        app.before_request_funcs[None].insert(0, lambda: setattr(g, "actor", actor(user)))
        answer = app.test_client().post(f"/{endpoint}.create_link", **more)
        app.before_request_funcs[None].pop(0)
        return answer.status_code

    given = {"json": {"password": "a secret"}}
    got = [made("ann", **given) for _ in range(RATE * 10 + 1)]
    assert got == [200] * (RATE * 10) + [429]
    assert made("ann", "web", data={"password": "a secret"}) == 429
    assert made("ann", json={}) == made("ann", json=[]) == made("ann", "web", data={}) == 200
    assert made("bob", **given) == 200


def actor(user: str) -> Actor:
    return Actor(user, f"{user}@example.org", Role.USER, frozenset(Scope))
