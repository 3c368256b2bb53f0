"""What a proof about the store is worth, how a web process reads it, and what refuses without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.granted import DIGEST, complete, give, put, used
from tests.support.line import START, Line
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable, StoreUnproved
from uploads.documents.model import State
from uploads.documents.proofs import STANDS_FOR, Standing, StoreProof, standing
from uploads.proofs import LastProof, name_of
from uploads.readiness import grants_part

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
UNTRIED = StoreProof("https://files.example.org", "incoming", tried_at=START)
PROVED = replace(UNTRIED, proved_at=START)
DISPROVED = replace(UNTRIED, failed_at=START, found="expiry: takes a URL of an hour ago")


@pytest.mark.parametrize(
    ("proof", "age", "found"),
    [
        (None, HOUR, Standing.UNTRIED),
        (UNTRIED, HOUR, Standing.UNTRIED),
        (DISPROVED, timedelta(0), Standing.DISPROVED),
        (replace(PROVED, failed_at=START), timedelta(0), Standing.DISPROVED),
        (PROVED, timedelta(0), Standing.PROVED),
        (PROVED, STANDS_FOR - SECOND, Standing.PROVED),
        (PROVED, STANDS_FOR, Standing.LAPSED),
    ],
)
def test_only_a_proof_that_is_young_enough_stands(
    proof: StoreProof | None, age: timedelta, found: Standing
) -> None:
    assert standing(proof, START + age) is found


def test_a_proof_is_repeated_hourly_and_a_doubt_each_time() -> None:
    assert not PROVED.due(START + HOUR - SECOND)
    assert PROVED.due(START + HOUR)
    assert UNTRIED.due(START)
    assert DISPROVED.due(START)
    assert replace(PROVED, failed_at=START).due(START)


@pytest.mark.parametrize(
    ("proof", "found"),
    [
        (None, "untried"),
        (UNTRIED, "untried"),
        (DISPROVED, "disproved"),
        (replace(PROVED, proved_at=START - STANDS_FOR), "lapsed"),
    ],
)
def test_nothing_is_signed_for_a_store_that_is_not_proved(
    line: Line, proof: StoreProof | None, found: str
) -> None:
    """No grant, no room taken, no fresh request for one that there is; its bytes still count."""
    grant = give(line)
    put(line, grant)
    line.proof = proof
    before = used(line)
    for attempt in (lambda: give(line), lambda: line.granting.requests(grant, [1])):
        with pytest.raises(StoreUnproved) as refused:
            attempt()
        assert (refused.value.standing, refused.value.seconds) == (found, 600)
        assert (refused.value.code, refused.value.members) == ("unavailable", {"part": "storage"})
    assert not line.granting.may_sign()
    assert used(line) == before
    assert complete(line, grant).state is State.QUARANTINED


def test_a_checksum_is_signed_only_where_the_store_is_proved_to_look(line: Line) -> None:
    grant = give(line, expected_sha256=DIGEST)

    def names() -> set[str]:
        (request,) = line.granting.requests(grant, [1])
        return {name for name in request.headers if name.startswith("x-amz")}

    assert names() == set()
    assert line.proof is not None
    line.proof = replace(line.proof, checks_sha256=True)
    assert names() == {"x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_process_asks_once_in_two_seconds(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one row's key; what another one finds out counts two seconds later at the latest."""
    settings, clock = Settings(s3_endpoint=UNTRIED.address), Clock()
    assert name_of(settings) == (UNTRIED.address, UNTRIED.bucket)
    asked: list[float] = []
    glance = line.records.glance

    def counted(unit: Callable[..., StoreProof | None]) -> StoreProof | None:
        asked.append(clock.now)
        return glance(unit)

    monkeypatch.setattr(line.records, "glance", counted)
    last = LastProof(line.records, settings, clock)
    assert last() is None
    for proof in (PROVED, DISPROVED):
        line.records.write(lambda work, one=proof: work.proofs.record(one))  # type: ignore[misc]
        clock.now += 1.9
        assert last() != proof
        clock.now += 0.1
        assert last() == proof
    assert asked == [0.0, 2.0, 4.0]


def test_a_database_that_is_away_proves_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise RecordsUnavailable("staged")

    monkeypatch.setattr(line.records, "glance", away)
    with pytest.raises(RecordsUnavailable):
        LastProof(line.records, Settings())()


def test_readiness_says_why_there_are_no_grants() -> None:
    """Files come in and go out all the same: degraded, not unavailable."""
    assert grants_part(PROVED, START)["status"] == "ok"
    refused = grants_part(DISPROVED, START)
    assert refused["status"] == "degraded"
    assert refused["detail"] == (
        "grants: refused, the store is disproved (expiry: takes a URL of an hour ago)"
    )
    assert grants_part(None, START)["detail"] == "grants: refused, the store is untried"
