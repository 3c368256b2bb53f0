"""Limits over several processes, as clients meet them: rates, bytes, places, addresses, no Redis.

The stack trusts one proxy, so that each test comes from an address of its own.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from redis import Redis

from tests.support import plain, raw
from tests.support.batches import TEXT, granted, posted
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Browser, Person
from tests.support.processes import standing_still
from tests.support.stack import Stack
from tests.support.waiting import eventually

# Windows and places are counted in Redis and in the processes: the database has no part in them.
pytestmark = pytest.mark.one_database

PROCESSES, UPLOADS, REQUESTS, FAILURES, AT_ONCE = 3, 12, 30, 5, 6
# Of an hour: the slowest machine gets as far as the limit before the first request is forgotten.
WINDOW = 3600
MIB = 1024 * 1024
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def narrow(make_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """A stack of several web processes with limits that a test can reach."""
    made = make_stack(
        UPLOADS_WEB_PROCESSES=str(PROCESSES),
        UPLOADS_TRUSTED_PROXIES="1",
        UPLOADS_RATE_DEFAULT=f"{REQUESTS}/hour",
        UPLOADS_RATE_FAILED=f"{FAILURES}/hour",
        UPLOADS_RATE_UPLOAD=f"{UPLOADS}/hour",
        UPLOADS_BYTES_PER_HOUR=str(MIB),
        UPLOADS_UPLOADS_AT_ONCE=str(AT_ONCE),
        # Who is half through keeps its place as long as a test looks.
        UPLOADS_BODY_SECONDS="600",
        UPLOADS_BODY_RATE_SECONDS="600",
    )
    yield made
    made.close()


@pytest.fixture
def dora(narrow: Stack) -> Person:
    """A user nobody has seen yet, at an address of her own."""
    number = next(_numbers)
    made = newcomer(narrow, "dora")
    made.api.headers["X-Forwarded-For"] = f"192.0.2.{number}"
    return made


@pytest.fixture
def stranger(narrow: Stack) -> Iterator[httpx.Client]:
    """Somebody without a key, at an address of their own."""
    with httpx.Client(
        base_url=narrow.base_url,
        headers={"X-Forwarded-For": f"198.51.100.{next(_numbers)}"},
        timeout=plain.SECONDS,
    ) as client:
        yield client


def assert_limited(answer: httpx.Response, policy: str) -> None:
    """429 in the contract's form, with the policy that bit."""
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited"), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert f'"{policy}";r=0;t=' in answer.headers["RateLimit"]
    assert f'"{policy}";q=' in answer.headers["RateLimit-Policy"]
    assert_secure(answer)


def test_one_upload_more_than_allowed_over_all_processes(narrow: Stack, dora: Person) -> None:
    """The processes share the window: so many are let in, not so many times three."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda n: dora.post(f"{n}.txt", TEXT), range(UPLOADS + 3)))
    assert sorted(one.status_code for one in answers) == [202] * UPLOADS + [429] * 3
    last = dora.post("more.txt", TEXT)
    assert_limited(last, "upload-user")
    assert int(last.headers["Retry-After"]) <= WINDOW * 1.1
    policies = last.headers["RateLimit-Policy"].split(", ")
    assert f'"upload-user";q={UPLOADS};w={WINDOW}' in policies
    assert f'"bytes-user";q={MIB};w=3600;qu="content-bytes"' in policies
    assert f'"at-once-user";q={AT_ONCE};qu="concurrent-requests"' in policies


def test_the_first_answers_tell_what_is_left(dora: Person) -> None:
    left = [dora.post(f"{n}.txt", TEXT).headers["RateLimit"].split(", ")[0] for n in range(2)]
    assert [one.split(";")[:2] for one in left] == [
        ['"upload-user"', f"r={UPLOADS - 1}"],
        ['"upload-user"', f"r={UPLOADS - 2}"],
    ]


def test_each_file_of_the_pages_form_is_an_upload(narrow: Stack, dora: Person) -> None:
    """One request is no way around the limit: what is too much is refused, and what came before
    it stands.
    """
    names = [f"form {number:02}.txt" for number in range(UPLOADS + 3)]
    with Browser(narrow) as browser:
        browser.headers["X-Forwarded-For"] = dora.api.headers["X-Forwarded-For"]
        browser.sign_in(dora.email, dora.password)
        files = [("file", (name, TEXT)) for name in names]
        sent = [("csrf_token", (None, browser.token("/documents"))), *files]
        answer = browser.post("/documents", files=sent)
        again = browser.post("/documents", files=sent)
        assert answer.status_code == 303, answer.text
        page = browser.get(answer.headers["Location"]).text
    assert {one["name"] for one in dora.documents()} == set(names[:UPLOADS])
    assert all(f"<bdi>{name}</bdi>" in page for name in names)
    assert page.count("That was too much in a short time. Wait ") == 3
    assert answer.headers["RateLimit"].startswith('"upload-user";r=0;t=')
    assert again.status_code == 429
    assert_limited(dora.post("more.txt", TEXT), "upload-user")


def test_bytes_are_weighed_whatever_becomes_of_them(narrow: Stack, dora: Person) -> None:
    """A file that is refused in the end was read all the same; then not one byte more is."""
    user_id = dora.api.get("/me").json()["id"]
    body = b"a" * (MIB + 1)
    sent = {"Repr-Digest": "sha-256=:" + "A" * 43 + "=:", "Content-Type": "text/plain"}
    refused = dora.api.post("/documents?name=a.txt", content=body, headers=sent)
    assert refused.json()["code"] == "digest-mismatch"
    # What ends is told to the other processes a moment after its answer.
    with Redis.from_url(narrow.services().settings.redis_url) as redis:
        spent = f"uploads:window:bytes-user:{user_id}"
        eventually(lambda: sum(map(int, redis.hvals(spent))) >= len(body), PATIENCE)
    head = raw.head(
        "POST",
        "/api/v1/documents?name=b.txt",
        {
            "Host": f"127.0.0.1:{dora.stack.port}",
            "Authorization": f"Bearer {dora.key}",
            "X-Forwarded-For": dora.api.headers["X-Forwarded-For"],
            "Content-Type": "text/plain",
            "Content-Length": "100000",
        },
    )
    early = raw.exchange(dora.stack.port, [head])
    assert (early.status, early.code) == (429, "rate-limited")
    assert_limited(dora.post("c.txt", TEXT), "bytes-user")


def test_a_grant_is_an_upload_of_its_size(narrow: Stack, dora: Person) -> None:
    """What is put into the store by a signed URL is no way around the limits of what is sent to
    us. A repeated request is charged no bytes again."""
    user_id = dora.api.get("/me").json()["id"]
    wanted = {"name": "a.txt", "size": MIB - 1}
    answers = [
        dora.api.post("/uploads", json=wanted, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 201], answers[0].text
    assert f'"upload-user";r={UPLOADS - 1};' in answers[0].headers["RateLimit"]
    assert '"bytes-user";r=1;' in answers[0].headers["RateLimit"]
    with Redis.from_url(narrow.services().settings.redis_url) as redis:
        spent = f"uploads:window:bytes-user:{user_id}"
        eventually(lambda: sum(map(int, redis.hvals(spent))) == MIB - 1, PATIENCE)
        assert dora.api.post("/uploads", json=wanted).status_code == 201
        eventually(lambda: sum(map(int, redis.hvals(spent))) == 2 * (MIB - 1), PATIENCE)
    refused = dora.api.post("/uploads", json=wanted)
    assert_limited(refused, "bytes-user")
    assert f'"upload-user";r={UPLOADS - 3};' in refused.headers["RateLimit"]
    assert_limited(dora.post("c.txt", TEXT), "bytes-user")


def test_one_grant_more_than_uploads_are_allowed(dora: Person) -> None:
    wanted = {"name": "a.txt", "size": 1}
    answers = [dora.api.post("/uploads", json=wanted) for _ in range(UPLOADS + 1)]
    assert [one.status_code for one in answers] == [201] * UPLOADS + [429]
    assert_limited(answers[-1], "upload-user")


@pytest.mark.parametrize("ask", [granted, posted])
def test_of_many_files_each_is_an_upload(
    dora: Person, ask: Callable[[Person, int], httpx.Response]
) -> None:
    """All are let in or none; the bytes of grants are charged together."""
    answer = ask(dora, 5)
    assert answer.status_code == 200, answer.text
    assert f'"upload-user";r={UPLOADS - 5};' in answer.headers["RateLimit"]
    charged = 5 * len(TEXT) if ask is granted else 0
    assert f'"bytes-user";r={MIB - charged};' in answer.headers["RateLimit"]
    refused = ask(dora, UPLOADS - 4)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert int(refused.headers["Retry-After"]) > 0
    assert f'"upload-user";r={UPLOADS - 6};' in refused.headers["RateLimit"], "an attempt is one"
    assert dora.api.get("/me").json()["quota"]["files_used"] == 5
    never = ask(dora, UPLOADS + 1)
    assert (never.status_code, never.json()["code"]) == (422, "invalid")


@contextmanager
def _half_sent(person: Person) -> Iterator[socket.socket]:
    """An upload on its way, of which the rest never comes."""
    with socket.create_connection(("127.0.0.1", person.stack.port), PATIENCE) as connection:
        fields = {
            "Host": f"127.0.0.1:{person.stack.port}",
            "Authorization": f"Bearer {person.key}",
            "X-Forwarded-For": person.api.headers["X-Forwarded-For"],
            "Content-Type": "text/plain",
            "Content-Length": "10000",
        }
        connection.sendall(raw.head("POST", "/api/v1/documents?name=slow.txt", fields) + TEXT)
        yield connection


def test_so_many_uploads_at_once_and_the_next_when_one_has_ended(
    narrow: Stack, dora: Person
) -> None:
    with ExitStack() as uploads:
        first, *_ = [uploads.enter_context(_half_sent(dora)) for _ in range(AT_ONCE)]

        def refused() -> httpx.Response | None:
            answer = dora.post("more.txt", TEXT)
            return answer if answer.status_code == 429 else None

        user_id = dora.api.get("/me").json()["id"]
        with Redis.from_url(narrow.services().settings.redis_url) as redis:
            held = f"uploads:places:at-once-user:{user_id}"
            eventually(lambda: redis.zcard(held) == AT_ONCE, PATIENCE)
        answer = refused()
        assert answer is not None
        assert "at once" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) >= 1
        first.close()
        eventually(lambda: refused() is None, PATIENCE)
    invariants(narrow)


def test_addresses_without_a_route_and_wrong_methods_are_counted_like_others(
    stranger: httpx.Client,
) -> None:
    """One budget over all routes: what does not exist is no way around it."""
    ways = itertools.cycle([("GET", "/nowhere/{}"), ("PUT", "/sign-in"), ("GET", "/sign-in")])
    answers = [
        stranger.request(method, path.format(number))
        for number, (method, path) in zip(range(REQUESTS + 3), ways, strict=False)
    ]
    assert [one.status_code for one in answers[:3]] == [404, 405, 200]
    assert [one.status_code == 429 for one in answers] == [False] * REQUESTS + [True] * 3
    assert_limited(stranger.get("/nowhere"), "default")


def test_an_upload_to_another_host_is_counted_like_others(dora: Person) -> None:
    """Refused before its body is read, and no less of an upload to the limits."""
    name = {"Host": "elsewhere.example"}
    answers = [dora.api.post("/documents", content=TEXT, headers=name) for _ in range(UPLOADS + 1)]
    assert [one.status_code for one in answers] == [421] * UPLOADS + [429]
    assert_limited(answers[-1], "upload-user")


def test_keys_that_are_none_are_counted_by_address_and_lock_no_one_out(
    stranger: httpx.Client, dora: Person
) -> None:
    guess = {"Authorization": "Bearer upl.nobody.guess"}
    answers = [stranger.get("/api/v1/policy", headers=guess) for _ in range(FAILURES + 1)]
    assert [one.status_code for one in answers] == [401] * FAILURES + [429]
    assert_limited(answers[-1], "failed")
    place = {"X-Forwarded-For": stranger.headers["X-Forwarded-For"]}
    assert dora.api.get("/policy", headers=place).status_code == 200


def test_a_forged_address_buys_no_budget(stranger: httpx.Client) -> None:
    """What a client writes to the left of the proxy's own word changes nothing."""
    own = stranger.headers["X-Forwarded-For"]
    seen = set()
    for number in range(REQUESTS + 1):
        forged = {
            "X-Forwarded-For": f"203.0.113.{number}, {own}",
            "X-Real-IP": f"203.0.113.{number}",
            "Forwarded": f"for=203.0.113.{number}",
        }
        seen.add(stranger.get("/sign-in", headers=forged).status_code)
    assert seen == {200, 429}


def test_without_redis_each_process_allows_its_share_and_no_more(
    narrow: Stack, dora: Person
) -> None:
    with standing_still(narrow.named("redis-server")):
        # One after the other: places are shared out as well, and would refuse some of two at once.
        answers = [dora.post(f"{number}.txt", TEXT) for number in range(UPLOADS * 2)]
    let_in = sum(one.status_code == 202 for one in answers)
    assert {one.status_code for one in answers} == {202, 429}
    assert UPLOADS // PROCESSES <= let_in <= UPLOADS
    assert_limited(next(one for one in answers if one.status_code == 429), "upload-user")
