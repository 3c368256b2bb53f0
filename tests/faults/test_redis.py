"""Redis is disposable: what it forgets, and its absence, cost time and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from tests.support import samples
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import Browser, Person
from tests.support.stack import Stack

FILES = 10
SECONDS = 90


def test_all_ten_settle_after_a_flush(stack: Stack, alice: Person) -> None:
    """FLUSHALL right after ten uploads loses no upload."""
    photo = samples.photo_with_gps()
    ids = [alice.upload(f"flushed-{number}.jpg", photo) for number in range(FILES)]
    with Redis.from_url(stack.services().settings.redis_url) as redis:
        assert redis.flushall()
    assert {alice.settle(document_id, SECONDS)["state"] for document_id in ids} == {"clean"}
    invariants(stack, alice)


@pytest.fixture
def dave(strict: Stack) -> Person:
    return newcomer(strict, "dave")


def test_the_eleventh_sign_in_in_a_minute_is_refused(strict: Stack, dave: Person) -> None:
    """Ten tries a minute, then 429 with Retry-After and the limit's headers."""
    with Browser(strict) as browser:
        token = browser.token("/sign-in")
        answers = [browser.sign_in(dave.email, "wrong", token) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["RateLimit"].startswith('"sign-in";r=0;t=')
    assert answers[-1].headers["RateLimit-Policy"] == '"sign-in";q=10;w=60'


def test_without_redis_uploads_are_taken_and_sign_ins_are_still_counted(
    strict: Stack, dave: Person
) -> None:
    """A Redis that does not answer delays inspections and unlocks nothing."""
    with _stopped_redis(strict):
        answer = dave.post("meanwhile.png", samples.png())
        assert answer.status_code in {202, 503}, answer.text
        with Browser(strict) as browser:
            token = browser.token("/sign-in")
            tries = [browser.sign_in("eve@example.org", "wrong", token) for _ in range(11)]
        assert tries[-1].status_code == 429
        assert "Retry-After" in tries[-1].headers
    if answer.status_code == 202:
        assert dave.settle(answer.json()["id"], SECONDS)["state"] == "clean"
    invariants(strict, dave)


def test_a_redis_that_hangs_costs_an_upload_seconds_and_no_header(
    strict: Stack, dave: Person
) -> None:
    """Counting, announcing and hinting each give up after a second; the answer is whole."""
    with _stopped_redis(strict):
        for number in range(2):
            answer = dave.post(f"hanging-{number}.png", samples.png())
            assert answer.status_code == 202, answer.text
            assert_secure(answer)
            assert answer.elapsed.total_seconds() < 4.5
    assert dave.settle(answer.json()["id"], SECONDS)["state"] == "clean"


@contextmanager
def _stopped_redis(stack: Stack) -> Iterator[None]:
    """Redis stands still, as it does when its machine swaps: connections hang, none is refused."""
    (redis,) = stack.named("redis-server")
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis.pid, signal.SIGCONT)
