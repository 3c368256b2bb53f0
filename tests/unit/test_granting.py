"""Grants from beginning to end: judged first, counted at once, completed once, never leaked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.support.granted import DIGEST, complete, give, put, sound, state, tidy, used
from tests.support.line import GRACE, TEXT, Line
from uploads.documents.errors import (
    Conflict,
    EmptyFile,
    FileTooLarge,
    Gone,
    Incomplete,
    Invalid,
    NotFound,
    ObjectMissing,
    QuotaExceeded,
    SizeMismatch,
    StorageUnavailable,
    TypeMismatch,
    TypeNotAllowed,
    UploadExpired,
    UploadsError,
)
from uploads.documents.grants import LARGEST_PUT, Grant, GrantMethod, GrantState
from uploads.documents.intake import Offer
from uploads.documents.model import State
from uploads.documents.policy import Policy
from uploads.storage.protocol import Beginning


def multipart(line: Line, parts: int = 3, part: int = 50) -> Grant:
    """A grant of small parts, which nobody would be given."""
    grant = replace(give(line), method=GrantMethod.MULTIPART, part_size=part, id="upl_parts")
    grant = replace(grant, size=part * (parts - 1) + 44)
    line.records.write(lambda work: work.grants.add(grant))
    return grant


def test_a_grant_becomes_a_document_that_is_inspected_like_any_other(line: Line) -> None:
    grant = give(line, expected_sha256=DIGEST)
    assert used(line) == (len(TEXT), 1)
    put(line, grant)
    document = complete(line, grant)
    assert (document.state, document.sha256) == (State.QUARANTINED, None)
    assert line.hints.jobs
    line.runner.run(line.job_of(document))
    found = line.document(document.id)
    assert (found.state, found.sha256, found.size) == (State.CLEAN, DIGEST, len(TEXT))
    assert used(line) == (len(TEXT), 1)
    assert line.stored() == [("clean", str(found.clean_key))]


def test_parts_in_any_order_make_one_file(line: Line) -> None:
    grant = multipart(line)
    assert grant.part_count == 3
    for number in (3, 1, 2, 1):
        part = grant.part(number)
        put(line, grant, TEXT[part.offset : part.offset + part.size], number)
        if number == 1:
            assert 1 in line.granting.received(grant)
    document = complete(line, grant)
    line.runner.run(line.job_of(document))
    assert line.document(document.id).sha256 == DIGEST


def test_what_is_not_there_yet_can_come_later(line: Line) -> None:
    grant = multipart(line)
    put(line, grant, TEXT[50:100], 2)
    with pytest.raises(Incomplete) as raised:
        complete(line, grant)
    assert raised.value.members == {"missing": [1, 3]}
    assert state(line, grant) is GrantState.OPEN
    put(line, grant, TEXT[:50], 1)
    put(line, grant, TEXT[100:], 3)
    assert complete(line, grant).size == len(TEXT)


@pytest.mark.parametrize(
    ("name", "size", "declared", "raised"),
    [
        ("a.exe", 10, None, TypeNotAllowed),
        ("a.txt", 10, "image/png", TypeMismatch),
        ("a.txt", 0, None, EmptyFile),
        ("a.txt", 100_001, None, FileTooLarge),
    ],
)
def test_what_is_wrong_already_is_refused_before_it_is_granted(
    line: Line, name: str, size: int, declared: str | None, raised: type[UploadsError]
) -> None:
    with pytest.raises(raised):
        give(line, size, name, declared_type=declared)
    assert used(line) == (0, 0)


def test_one_put_never_carries_more_than_a_store_takes(line: Line) -> None:
    line.intake._policy = Policy(max_bytes=LARGEST_PUT * 2)
    size = LARGEST_PUT + 1
    offer = Offer("a.txt", None, declared_size=size)
    with pytest.raises(Invalid):
        line.granting.give(line.actor, offer, size, GrantMethod.PUT)
    given = line.granting.give(line.actor, offer, size, None)
    assert given.grant.method is GrantMethod.MULTIPART


def test_an_open_grant_counts_and_is_refused_past_the_quota(line: Line) -> None:
    line.quotas.set_limits(line.actor.user_id, None, 1, by="tests")
    first = give(line)
    with pytest.raises(QuotaExceeded):
        give(line)
    with pytest.raises(QuotaExceeded):
        line.accept(TEXT)
    line.granting.abort(line.actor, first.id)
    assert used(line) == (0, 0)
    give(line)


@pytest.mark.parametrize(
    ("name", "body", "raised"),
    [
        ("a.txt", TEXT + b"x", SizeMismatch),
        ("a.txt", TEXT[:-1], SizeMismatch),
        ("a.png", TEXT, TypeMismatch),
    ],
)
def test_a_refusal_at_completion_leaves_nothing_but_the_trail(
    line: Line, name: str, body: bytes, raised: type[UploadsError]
) -> None:
    grant = give(line, name=name)
    put(line, grant, body)
    with pytest.raises(raised):
        complete(line, grant)
    assert used(line) == (0, 0)
    assert line.hints.sweeps == 1
    line.reaper.reap_due()
    assert line.stored() == []
    with pytest.raises(Gone):
        complete(line, grant)


def test_a_policy_that_became_stricter_holds_at_completion(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    line.intake._policy = Policy(max_bytes=100_000, allowed=["png"])
    with pytest.raises(TypeNotAllowed):
        complete(line, grant)
    assert used(line) == (0, 0)


def test_a_store_that_is_away_ends_nothing(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    line.storage.broken = True
    with pytest.raises(StorageUnavailable):
        complete(line, grant)
    line.storage.broken = False
    assert complete(line, grant).state is State.QUARANTINED


def test_completing_again_gives_the_same_document_also_when_it_is_settled(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    document = complete(line, grant)
    assert complete(line, grant).id == document.id
    line.runner.run(line.job_of(document))
    assert complete(line, grant).state is State.CLEAN
    with pytest.raises(Conflict):
        line.granting.abort(line.actor, grant.id)


def test_of_many_completions_at_once_one_makes_the_document(line: Line) -> None:
    grant, together = give(line), Barrier(8)
    put(line, grant)
    found: list[str] = []

    def run() -> None:
        together.wait()
        found.append(complete(line, grant).id)

    threads = [Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [grant.document_id] * 8
    assert len(line.hints.jobs) == 1
    assert used(line) == (len(TEXT), 1)


def test_a_completion_that_is_overtaken_answers_with_the_document(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one was faster, and the bytes are inspected and gone while we looked for them."""
    grant = give(line)
    put(line, grant)

    def overtaken(*_: object) -> Beginning:
        monkeypatch.undo()
        line.runner.run(line.job_of(complete(line, grant)))
        raise ObjectMissing

    monkeypatch.setattr(line.storage, "first", overtaken)
    assert complete(line, grant).state is State.CLEAN


def test_a_completion_that_an_abort_overtakes_makes_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = give(line)
    put(line, grant)

    def overtaken(*_: object) -> Beginning:
        line.granting.abort(line.actor, grant.id)
        return Beginning(TEXT, len(TEXT))

    monkeypatch.setattr(line.storage, "first", overtaken)
    with pytest.raises(Conflict):
        complete(line, grant)
    assert used(line) == (0, 0)
    assert line.hints.jobs == []
    with pytest.raises(NotFound):
        line.library.get(line.actor, grant.document_id)


def test_a_grant_of_somebody_else_does_not_exist(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    for verb in (line.granting.get, line.granting.abort, line.completion.complete):
        with pytest.raises(NotFound):
            verb(line.stranger, grant.id)
    assert state(line, grant) is GrantState.OPEN


def test_an_abandoned_grant_gives_bytes_and_room_back(line: Line, tmp_path: Path) -> None:
    grant = give(line)
    put(line, grant)
    line.later(hours=23)
    tidy(line)
    assert len(line.stored()) == 1, "an open grant's bytes are older than the grace time"
    assert sound(line, tmp_path)
    line.later(hours=1)
    with pytest.raises(UploadExpired):
        complete(line, grant)
    tidy(line)
    assert (used(line), line.stored()) == ((0, 0), [])
    assert state(line, grant) is GrantState.EXPIRED


def test_bytes_put_after_the_end_go_within_the_grace_time(line: Line, tmp_path: Path) -> None:
    """A URL outlives its grant by minutes; what it brings is in no row."""
    grant = give(line)
    put(line, grant)
    line.granting.abort(line.actor, grant.id)
    line.reaper.reap_due()
    put(line, grant)
    line.later(seconds=GRACE.total_seconds() + 1)
    assert not sound(line, tmp_path), "the check sees it too"
    tidy(line)
    assert line.stored() == []
    assert sound(line, tmp_path)


def test_aborting_without_a_store_returns_the_room(line: Line) -> None:
    grant = give(line)
    put(line, grant)
    line.storage.broken = True
    line.granting.abort(line.actor, grant.id)
    line.granting.abort(line.actor, grant.id)
    assert used(line) == (0, 0)


def test_more_abandoned_grants_than_one_commit_ends_all_go_at_once(line: Line) -> None:
    for _ in range(201):
        give(line)
    line.later(days=1)
    tidy(line)
    assert used(line) == (0, 0)


def test_an_ended_grant_is_forgotten_with_the_tombstones(line: Line) -> None:
    grant = give(line)
    line.granting.abort(line.actor, grant.id)
    line.later(days=31)
    tidy(line)
    assert state(line, grant) is GrantState.ABORTED
    line.later(hours=1)
    tidy(line)
    with pytest.raises(NotFound):
        line.granting.get(line.actor, grant.id)
