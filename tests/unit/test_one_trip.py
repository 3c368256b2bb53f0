"""All limits of a request in one question to a real Redis: the same answers and the same counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask, g, request
from redis import Redis
from werkzeug.test import TestResponse

from uploads import errors
from uploads.config import Settings
from uploads.documents.model import Actor, Role, Scope
from uploads.security import limits
from uploads.security.one_trip import OneTripLimiter

KEYS = ("k1", "k2", "", "k1", "k1", "k2", "k1", "wrong", "k1", "", "k2", "k1", "wrong", "wrong")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., Flask]:
    """A small app with the real limits; `X-Key` says by which key one user comes."""

    def make(redis_url: str, **rates: str) -> Flask:
        settings = Settings(data=tmp_path, redis_url=redis_url, **cast(Any, rates))
        app = Flask("small")
        app.extensions["services"] = SimpleNamespace(settings=settings)
        errors.install(app)
        app.before_request(_identify)
        limiter = limits.make_limiter(app, settings)
        app.extensions["uploads.limiter"] = limiter
        app.add_url_rule("/", "api.show", lambda: "done")
        app.after_request(lambda response: limits.add_rate_headers(limiter, response))
        return app

    return make


def _identify() -> None:
    key = request.headers.get("X-Key", "")
    scopes = frozenset({Scope.DOCUMENTS_READ})
    actor = Actor("usr_1", "ann@example.org", Role.USER, scopes, "key", key)
    g.actor = actor if key.startswith("k") else None


def limiter_of(app: Flask) -> OneTripLimiter:
    found: OneTripLimiter = app.extensions["uploads.limiter"]
    return found


def ask(app: Flask, key: str) -> TestResponse:
    headers = {"X-Key": key} if key.startswith("k") else {}
    if key == "wrong":
        headers["Authorization"] = "Bearer guess"
    return app.test_client().get("/", headers=headers)


def windows(redis: Redis) -> dict[str, tuple[int, int]]:
    """Entries of each window, and the seconds that it is still kept."""
    names = cast(list[bytes], redis.keys())
    return {
        name.decode(): (cast(int, redis.llen(name)), cast(int, redis.ttl(name))) for name in names
    }


def evaluations(redis: Redis) -> int:
    """How many scripts were called by their digest so far."""
    return int(cast(dict[str, Any], redis.info("commandstats"))["cmdstat_evalsha"]["calls"])


def told(answer: TestResponse) -> tuple[int, str, str]:
    """The status, and of the figures what does not hang on the moment."""
    left = answer.headers["RateLimit"].rpartition(";t=")[0]
    return answer.status_code, answer.headers["RateLimit-Policy"], left


@pytest.mark.parametrize(
    "rates",
    [
        {},
        {"rate_default": "5/hour"},
        {"rate_key": "3/hour", "rate_default": "7/day;6/hour"},
        {"rate_address": "4/hour"},
        {"rate_failed": "1/day", "rate_address": "9/day", "rate_key": "5/day;2/hour"},
    ],
)
def test_it_answers_and_counts_as_flask_limiter_does(
    make_app: Callable[..., Flask],
    redis: Redis,
    redis_url: str,
    rates: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Statuses, headers, and what is left in Redis under which key for how long."""
    # Of limits with as much left the one that ends last is told: all count from one moment.
    monkeypatch.setattr("uploads.security.one_trip.time.time", lambda: 1_800_000_000.0)
    found = []
    for together in (True, False):
        redis.flushall()
        app = make_app(redis_url, **rates)
        if not together:
            limiter_of(app)._trips = None
        answers = [told(ask(app, key)) for key in KEYS]
        found.append((answers, windows(redis)))
    (answers, kept), (expected, expected_kept) = found
    assert answers == expected
    assert {name: n for name, (n, _) in kept.items()} == {
        name: n for name, (n, _) in expected_kept.items()
    }
    assert all(abs(kept[name][1] - ttl) < 60 for name, (_, ttl) in expected_kept.items())
    assert len(kept) >= 3


@pytest.mark.parametrize(
    ("key", "spent"),
    [
        ("k1", {"default/user:usr_1", "key/k1", "address/addr:127.0.0.1"}),
        ("", {"default/addr:127.0.0.1"}),
        ("wrong", {"default/addr:127.0.0.1", "failed/addr:127.0.0.1"}),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_whose_budgets_a_request_spends(
    make_app: Callable[..., Flask],
    redis: Redis,
    redis_url: str,
    key: str,
    spent: set[str],
    together: bool,
) -> None:
    """Those of who is known, and of the address; of a guess the address's alone."""
    app = make_app(redis_url)
    if not together:
        limiter_of(app)._trips = None
    ask(app, key)
    kept = windows(redis)
    assert {whose for whose in spent if any(f"/{whose}/" in name for name in kept)} == spent
    assert len(kept) == len(spent)


def test_what_one_has_counted_the_other_goes_on_with(
    make_app: Callable[..., Flask], redis: Redis, redis_url: str
) -> None:
    """So nothing begins anew where the one takes the other's place, as after an outage."""
    together, apart = (make_app(redis_url, rate_default="4/hour") for _ in range(2))
    limiter_of(apart)._trips = None
    answers = [ask(app, "k1").status_code for app in (together, apart, apart, together, together)]
    assert answers == [200] * 4 + [429]
    assert ask(apart, "k1").status_code == 429


def test_a_request_asks_redis_once(
    make_app: Callable[..., Flask], redis: Redis, redis_url: str
) -> None:
    """Its headers included, however many limits it meets."""
    app = make_app(redis_url)
    ask(app, "k1")
    before = evaluations(redis)
    assert ask(app, "k1").headers["RateLimit"].startswith('"key";r=')
    assert evaluations(redis) - before == 1


@pytest.mark.parametrize("together", [True, False])
def test_what_bites_first_is_told(
    make_app: Callable[..., Flask], redis: Redis, redis_url: str, together: bool
) -> None:
    """Of all that was counted, in whatever order it is asked; of two alike the longer one."""
    app = make_app(redis_url, rate_default="4/minute", rate_key="3/hour", rate_address="5/day")
    if not together:
        limiter_of(app)._trips = None
    left = [told(ask(app, key))[2] for key in ("k1", "k2", "k2", "k1", "k3")]
    assert left == ['"key";r=2', '"key";r=2', '"key";r=1', '"default";r=0', '"default";r=0']
    redis.flushall()
    app = make_app(redis_url, rate_default="2/minute;2/hour", rate_address="5/day")
    assert told(ask(app, "k1")) == (200, '"default";q=2;w=3600', '"default";r=1')


def test_a_window_gives_back_what_has_left_it(
    make_app: Callable[..., Flask], redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is forgotten when it is as old as the window, and not before."""
    app = make_app(redis_url, rate_default="2/minute")
    now = 1_800_000_000.0
    monkeypatch.setattr("uploads.security.one_trip.time.time", lambda: now)
    answers = []
    for at in (0.0, 30.0, 59.9, 60.1, 60.2, 90.1):
        now = 1_800_000_000.0 + at
        answers.append(ask(app, "k1"))
    assert [one.status_code for one in answers] == [200, 200, 429, 200, 429, 200]
    assert answers[2].headers["RateLimit"] == '"default";r=0;t=2'
    assert answers[2].headers["Retry-After"] == "2"
    assert [n for name, (n, _) in windows(redis).items() if "default" in name] == [2]


def test_only_what_is_still_in_the_window_is_told(
    make_app: Callable[..., Flask], redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of those that are kept have left it."""
    app = make_app(redis_url, rate_default="9/minute")
    now = 1_800_000_000.0
    monkeypatch.setattr("uploads.security.one_trip.time.time", lambda: now)
    moments = (0.0, 1.0, 2.0, 50.0, 59.0, 61.5, 62.5, 110.5, 115.0, 300.0)
    for n, at in enumerate(moments):
        now = 1_800_000_000.0 + at
        counted = [one for one in moments[: n + 1] if one >= at - 60]
        ends = math.ceil(int(counted[0] + 61) - at)
        expected = f'"default";r={9 - len(counted)};t={min(60, ends)}'
        assert ask(app, "k1").headers["RateLimit"] == expected, at


def test_without_redis_the_process_counts(make_app: Callable[..., Flask]) -> None:
    """Weaker, never unlimited; and the figures are told all the same."""
    app = make_app("redis://127.0.0.1:1", rate_default="3/hour")
    answers = [ask(app, "k1") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert told(answers[-1]) == (429, '"default";q=3;w=3600', '"default";r=0')


def test_after_an_outage_redis_counts_again(
    make_app: Callable[..., Flask],
    redis: Redis,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is asked together begins again when Flask-Limiter has found its store well."""
    app = make_app(redis_url, rate_default="9/hour")
    limiter = limiter_of(app)
    limiter._storage_dead = True
    # The first look at the store is due at once when the last one is long ago.
    monkeypatch.setattr(limiter, "_Limiter__last_check_backend", 0.0)
    assert ask(app, "k1").status_code == 200
    assert not limiter._storage_dead
    assert ask(app, "k1").status_code == 200
    assert [n for name, (n, _) in windows(redis).items() if "default" in name] == [2]
