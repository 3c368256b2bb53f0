"""The quarantine desk: who may see, ask, confirm, delete and take out, and when no longer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.line import TEXT, Line
from tests.support.quarantine import WHY, Quarantine, unsealed
from uploads.documents.errors import (
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotReleased,
)
from uploads.documents.model import Outcome, State
from uploads.documents.releases import ReleaseState
from uploads.records.protocol import Work
from uploads.records.quarantining import DeskFilter
from uploads.storage.protocol import Bucket

DIGEST = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def quarantine(line: Line) -> Quarantine:
    return Quarantine(line)


def test_only_administrators_come_near_it(quarantine: Quarantine) -> None:
    """Every verb, also for the owner of the file."""
    desk, ann, document = quarantine.desk, quarantine.line.actor, quarantine.refused()
    sample = desk.sample(quarantine.bob, document.id)
    someone = type(ann)(ann.user_id, ann.email, ann.role, ann.scopes - {"admin"})
    verbs: list[Any] = [
        lambda: desk.list(someone, DeskFilter(), 10),
        lambda: desk.find(someone, document.id),
        lambda: desk.look(someone, document.id),
        lambda: desk.release(someone, document.id, DIGEST, WHY),
        lambda: desk.delete(someone, document.id),
        lambda: desk.sample(someone, document.id),
        lambda: desk.open(someone, sample).__enter__(),
    ]
    for verb in verbs:
        with pytest.raises(Forbidden):
            verb()
    assert quarantine.line.state(document) is State.INFECTED


def test_what_is_not_refused_is_not_there(quarantine: Quarantine) -> None:
    clean = quarantine.refused(outcome=Outcome.CLEAN)
    waiting = quarantine.line.accept(TEXT)
    for document_id in (clean.id, waiting.id, "doc_unknown", "doc_\x00"):
        for verb in (quarantine.desk.look, quarantine.desk.sample, quarantine.desk.delete):
            with pytest.raises(NotFound):
                verb(quarantine.bob, document_id)
    assert quarantine.desk.list(quarantine.bob, DeskFilter(), 10) == ([], None)


def test_two_different_administrators_release_a_file(quarantine: Quarantine) -> None:
    """The first asks, the second confirms, the worker hands it over; all of it is on record."""
    document = quarantine.refused()
    assert quarantine.standing(document) is None
    quarantine.ask(document)
    assert quarantine.standing(document) is ReleaseState.ASKED
    assert quarantine.line.hints.jobs == [] or quarantine.line.state(document) is State.INFECTED
    quarantine.ask(document, quarantine.carol, reason="I agree.")
    assert quarantine.standing(document) is ReleaseState.CONFIRMED
    assert quarantine.line.state(document) is State.INFECTED
    quarantine.runner.run(quarantine.line.hints.jobs[-1])
    assert quarantine.standing(document) is ReleaseState.RELEASED
    assert quarantine.published(document) == TEXT
    assert [bucket for bucket, _ in quarantine.line.stored()] == ["clean"]
    asked, confirmed, released = quarantine.trail(document)[-3:]
    bob, carol = quarantine.bob.user_id, quarantine.carol.user_id
    assert asked[:2] == (bob, "document.release-asked")
    assert confirmed[:2] == (carol, "document.release-confirmed")
    assert (asked[2]["reason"], confirmed[2]["reason"]) == (WHY, "I agree.")
    assert released == (
        "worker",
        "document.released",
        {"sha256": DIGEST, "was": "infected", "asked_by": bob, "confirmed_by": carol},
    )


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.UNSCANNABLE, "encrypted"), (Outcome.UNSCANNABLE, "bomb"), (Outcome.INFECTED, None)],
)
def test_each_kind_of_refusal_can_be_released(
    quarantine: Quarantine, outcome: Outcome, reason: str | None
) -> None:
    released = quarantine.released(quarantine.refused(outcome=outcome, reason=reason))
    assert released.state is State.RELEASED
    assert released.quarantine_key is None


def test_one_administrator_is_not_two(quarantine: Quarantine) -> None:
    document = quarantine.refused()
    quarantine.ask(document)
    with pytest.raises(NotReleased, match="Another administrator has to confirm"):
        quarantine.ask(document)
    assert quarantine.standing(document) is ReleaseState.ASKED


def test_an_attempt_that_is_refused_is_on_record(quarantine: Quarantine) -> None:
    """Who tried what, with which reason, and why not; what was refused has done nothing else."""
    document, deleted = quarantine.refused(), quarantine.refused()
    quarantine.ask(document)
    quarantine.desk.delete(quarantine.bob, deleted.id)
    attempts = [
        (document, quarantine.bob, DIGEST, NotReleased, "yourself"),
        (document, quarantine.carol, "0" * 64, NotReleased, "another SHA-256"),
        (deleted, quarantine.carol, DIGEST, Gone, ""),
    ]
    for one, who, digest, error, why in attempts:
        before = quarantine.trail(one)
        with pytest.raises(error):
            quarantine.desk.release(who, one.id, digest, WHY)
        assert quarantine.trail(one)[:-1] == before
        actor, action, detail = quarantine.trail(one)[-1]
        assert (actor, action) == (who.user_id, "document.release-refused")
        assert (detail["sha256"], detail["reason"]) == (digest, WHY)
        assert why in detail["why"]
    assert quarantine.standing(document) is ReleaseState.ASKED


def test_what_is_confirmed_or_released_is_not_asked_for_again(quarantine: Quarantine) -> None:
    document, dave = quarantine.refused(), quarantine.administrator("dave")
    job_id = quarantine.agreed(document)
    with pytest.raises(NotReleased, match="confirmed already"):
        quarantine.ask(document, dave)
    quarantine.runner.run(job_id)
    with pytest.raises(NotReleased, match="released already"):
        quarantine.ask(document, dave)


def test_a_release_is_about_one_digest(quarantine: Quarantine) -> None:
    document = quarantine.refused()
    with pytest.raises(NotReleased, match="another SHA-256"):
        quarantine.ask(document, sha256="0" * 64)
    assert quarantine.standing(document) is None


@pytest.mark.parametrize("reason", ["", "  ", "a\x00b", "two\nlines", "x" * 1001, "\ud800"])
def test_a_release_needs_a_reason(quarantine: Quarantine, reason: str) -> None:
    document = quarantine.refused()
    with pytest.raises(Invalid) as refused:
        quarantine.ask(document, reason=reason)
    assert refused.value.members["errors"][0]["pointer"] == "/reason"


def test_a_request_ends_after_a_week_and_can_be_made_anew(quarantine: Quarantine) -> None:
    document = quarantine.refused()
    quarantine.ask(document)
    quarantine.line.later(days=7)
    assert quarantine.standing(document) is ReleaseState.ENDED
    quarantine.ask(document, quarantine.carol)
    assert quarantine.standing(document) is ReleaseState.ASKED
    assert quarantine.line.state(document) is State.INFECTED


def test_the_word_of_one_who_is_no_administrator_any_more_does_not_count(
    quarantine: Quarantine,
) -> None:
    """The second one then asks, and does not confirm."""
    document, line = quarantine.refused(), quarantine.line
    quarantine.ask(document)
    line.records.write(lambda work: work.accounts.set_disabled(quarantine.bob.user_id, line.now))
    quarantine.ask(document, quarantine.carol)
    found = quarantine.desk.find(quarantine.carol, document.id)
    assert found.release is not None
    assert (found.release.asked_by, found.release.confirmed_by) == (quarantine.carol.user_id, None)


def _moving(document_id: str, was: State, state: State, at: datetime) -> Callable[[Work], bool]:
    return lambda work: work.documents.move(document_id, {was}, state, at)


def test_a_failed_file_is_shown_while_its_bytes_are_kept_and_never_released(
    quarantine: Quarantine,
) -> None:
    document, line = quarantine.refused(outcome=Outcome.CLEAN), quarantine.line
    for was, state in ((State.CLEAN, State.QUARANTINED), (State.QUARANTINED, State.FAILED)):
        line.records.write(_moving(document.id, was, state, line.now))
    found, _ = quarantine.desk.list(quarantine.bob, DeskFilter(), 10)
    assert [one.id for one in found] == [document.id]
    with pytest.raises(NotReleased, match="not released"):
        quarantine.ask(document)
    assert unsealed(quarantine.taken(document)) == {f"{DIGEST}.bin": TEXT}


def test_what_is_gone_is_not_released_and_not_taken_out(quarantine: Quarantine) -> None:
    """Deleted by its owner, expired by its owner's wish, or its bytes lost or taken by time."""
    line = quarantine.line
    deleted, lost = quarantine.refused(), quarantine.refused()
    quarantine.ask(deleted)
    line.library.delete(line.actor, deleted.id)
    del line.storage.objects[Bucket.QUARANTINE, lost.quarantine_key or ""]
    for document in (deleted, lost):
        for verb in (lambda d: quarantine.ask(d, quarantine.carol), quarantine.taken):
            with pytest.raises(Gone):
                verb(document)
    found = quarantine.desk.look(quarantine.bob, lost.id)
    assert (found.head, found.members) == (None, None)
    assert line.records.read(lambda work: work.quarantine.release_of(deleted.id)) is None


def test_bytes_that_are_just_being_deleted_cannot_be_confirmed(quarantine: Quarantine) -> None:
    document, line = quarantine.refused(), quarantine.line
    quarantine.ask(document)
    line.records.write(
        lambda work: work.leftovers.doom(line.now + timedelta(days=31), 10, timedelta(0))
    )
    with pytest.raises(Gone):
        quarantine.ask(document, quarantine.carol)
    assert quarantine.standing(document) is ReleaseState.ASKED


def test_an_administrator_deletes_any_of_them(quarantine: Quarantine) -> None:
    """Released ones as well; the bytes go by the ledger, and twice is quiet."""
    line = quarantine.line
    for document in (quarantine.refused(), quarantine.released(quarantine.refused())):
        quarantine.desk.delete(quarantine.carol, document.id)
        quarantine.desk.delete(quarantine.carol, document.id)
        assert line.state(document) is State.DELETED
        ends = [one for one in quarantine.trail(document) if one[1] == "document.deleted"]
        assert [actor for actor, _, _ in ends] == [quarantine.carol.user_id]
    line.reaper.reap_due()
    assert line.stored() == []
