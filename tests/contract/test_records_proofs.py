"""What the records keep of proofs about stores, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.facts import NOW
from uploads.documents.proofs import StoreProof
from uploads.records.sql import SqlRecords

HOUR = timedelta(hours=1)
PROVED = StoreProof(
    "https://files.example.org", "incoming", NOW, proved_at=NOW, checks_sha256=True, found="well"
)
FAILED = replace(PROVED, proved_at=None, failed_at=NOW + HOUR, checks_sha256=False, found="expiry")


def record(records: SqlRecords, proof: StoreProof) -> None:
    records.write(lambda work: work.proofs.record(proof))


def note_try(records: SqlRecords, proof: StoreProof) -> None:
    records.write(lambda work: work.proofs.note_try(proof))


def last(records: SqlRecords, proof: StoreProof = PROVED) -> StoreProof | None:
    return records.glance(lambda work: work.proofs.last(proof.address, proof.bucket))


def test_each_store_has_one_last_word(records: SqlRecords) -> None:
    """By its address and its bucket: what was proved of one says nothing of another."""
    assert last(records) is None
    others = [
        replace(PROVED, address="https://other.example.org", found="another address"),
        replace(PROVED, bucket="other-incoming", found="another bucket"),
    ]
    for proof in (PROVED, *others):
        record(records, proof)
    record(records, FAILED)
    assert last(records) == FAILED
    assert [last(records, one) for one in others] == others
    record(records, PROVED)
    assert last(records) == PROVED


def test_a_try_that_could_not_be_carried_out_takes_nothing_back(records: SqlRecords) -> None:
    """Neither a proof nor its end: only time and words are of the last try."""
    nothing = StoreProof(PROVED.address, PROVED.bucket, NOW + 2 * HOUR, found="no answer")
    for known in (PROVED, FAILED):
        record(records, known)
        note_try(records, nothing)
        assert last(records) == replace(known, tried_at=nothing.tried_at, found="no answer")


def test_the_first_try_of_all_is_written_down_too(records: SqlRecords) -> None:
    nothing = StoreProof(PROVED.address, PROVED.bucket, NOW, found="no answer")
    note_try(records, nothing)
    assert last(records) == nothing


def test_stores_that_nobody_tries_any_more_are_forgotten(records: SqlRecords) -> None:
    old = replace(PROVED, bucket="old-incoming", tried_at=NOW - HOUR)
    for proof in (PROVED, old):
        record(records, proof)
    records.write(lambda work: work.proofs.forget(NOW))
    assert (last(records), last(records, old)) == (PROVED, None)
