"""Redis is disposable: what it forgets, and its absence, cost time and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.support import samples
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import Browser, Person
from tests.support.processes import standing_still
from tests.support.stack import Stack

FILES = 5
SECONDS = 180


# Without Redis web processes count in their memory. What nobody was told of is due in the database:
# that is tried on both, by the flush.
once = pytest.mark.one_database


def test_all_five_settle_after_a_flush(stack: Stack) -> None:
    """FLUSHALL right after five uploads loses no upload."""
    flora, photo = newcomer(stack, "flora"), samples.photo_with_gps(0.5)
    ids = [flora.upload(f"flushed-{number}.jpg", photo) for number in range(FILES)]
    with Redis.from_url(stack.services().settings.redis_url) as redis:
        assert redis.flushall()
    assert {flora.settle(document_id, SECONDS)["state"] for document_id in ids} == {"clean"}
    invariants(stack, flora)


@pytest.fixture(scope="module")
def last(strict: Stack) -> Iterator[Stack]:
    """It is closed at the end: nobody comes to it after this module."""
    yield strict
    strict.close()


@pytest.fixture
def dave(last: Stack) -> Person:
    return newcomer(last, "dave")


@once
def test_the_eleventh_sign_in_is_refused(strict: Stack, dave: Person) -> None:
    """Ten tries, then 429 with Retry-After and the limit's headers."""
    with Browser(strict) as browser:
        token = browser.token("/sign-in")
        answers = [browser.sign_in(dave.email, "wrong", token) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert answers[-1].headers["RateLimit"].startswith('"sign-in";r=0;t=')
    assert answers[-1].headers["RateLimit-Policy"] == '"sign-in";q=10;w=3600'


@once
def test_without_redis_uploads_are_taken_and_sign_ins_are_still_counted(
    strict: Stack, dave: Person
) -> None:
    """A Redis that does not answer delays inspections and unlocks nothing."""
    with standing_still(strict.named("redis-server")):
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


@once
def test_a_redis_that_hangs_costs_an_upload_no_answer_and_no_header(
    strict: Stack, dave: Person
) -> None:
    """Counting, announcing and hinting each give up while it hangs; the answer is whole."""
    with standing_still(strict.named("redis-server")):
        for number in range(2):
            answer = dave.post(f"hanging-{number}.png", samples.png())
            assert answer.status_code == 202, answer.text
            assert_secure(answer)
    assert dave.settle(answer.json()["id"], SECONDS)["state"] == "clean"
