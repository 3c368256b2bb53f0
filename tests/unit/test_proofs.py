"""What was proved of the store: for whom, for how long, and what holds where nobody can look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.support.fakes import MemoryStorage
from uploads.proofs import Finding, StoreProof
from workers.proving import Prover


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as made:
        made.flushall()
        yield made


@pytest.fixture
def proof(redis: Redis, redis_url: str) -> StoreProof:
    return StoreProof(redis_url, "a store", Clock())


def holds(proof: StoreProof) -> bool:
    """What is found a minute later."""
    assert isinstance(proof._clock, Clock)
    proof._clock.now += 61
    return proof.holds()


def test_what_nobody_tried_is_not_proved_and_to_be_tried(proof: StoreProof) -> None:
    assert not holds(proof)
    assert proof.due()


@pytest.mark.parametrize("finding", Finding)
def test_a_finding_is_told_to_all_and_not_asked_for_again_at_once(
    proof: StoreProof, redis_url: str, finding: Finding
) -> None:
    proof.record(finding)
    assert not proof.due()
    assert proof.holds() is (finding is Finding.PROVED)
    other = StoreProof(redis_url, "another store", Clock())
    assert other.due()
    assert not other.holds()


def test_who_knows_it_looks_once_a_minute(proof: StoreProof) -> None:
    proof.record(Finding.PROVED)
    assert proof.holds()
    proof.record(Finding.UNKNOWN)
    assert proof.holds()
    assert not holds(proof)


def test_each_finding_ends_and_a_proof_is_renewed_before(proof: StoreProof, redis: Redis) -> None:
    lives = []
    for finding in Finding:
        proof.record(finding)
        (name,) = redis.keys()
        lives.append(redis.ttl(name))
    assert all(0 < life <= 8 * 3600 for life in lives)
    proof.record(Finding.PROVED)
    redis.expire(name, 3600)
    assert proof.due()
    assert holds(proof)
    redis.delete(name)
    assert not holds(proof)


def test_without_redis_nothing_is_proved_and_nothing_breaks(proof: StoreProof) -> None:
    proof.record(Finding.PROVED)
    assert proof.holds()
    proof._redis_url = "redis://127.0.0.1:1/0"
    assert not holds(proof)
    Prover(storage=MemoryStorage(), proof=proof, new_id=lambda: "id").prove()


def test_the_store_is_tried_where_the_last_finding_is_old(
    proof: StoreProof, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Finding] = []

    def find(_: Prover) -> Finding:
        tries.append(Finding.PROVED)
        return tries[-1]

    monkeypatch.setattr(Prover, "find", find)
    prover = Prover(storage=MemoryStorage(), proof=proof, new_id=lambda: "id")
    for _ in range(3):
        prover.prove()
    assert tries == [Finding.PROVED]
    assert holds(proof)
