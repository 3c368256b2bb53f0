"""Quotas on the whole line: refused in time, nothing left over, and the count always right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click import BadParameter
from sqlalchemy import event

from tests.support.line import TEXT, Line
from uploads import faults
from uploads.documents.errors import QuotaExceeded
from uploads.documents.intake import Offer
from uploads.documents.model import Document, Outcome, State
from uploads.documents.quotas import Quota
from workers.cli.quotas import Amount

ROUNDS = 200
LONG = [TEXT] * 100


def limit(line: Line, *, size: int | None = None, files: int | None = None) -> None:
    line.quotas.set_limits(line.actor.user_id, size, files, by="test")


def used(line: Line) -> tuple[int, int]:
    """Bytes and files; fails where they are not the sum of the rows."""
    assert line.records.read(lambda work: work.usages.drifted()) == []
    found = line.quotas.of(line.actor.user_id)
    return found.bytes_used, found.files_used


def hasten(line: Line) -> None:
    """No waiting for the disk: thousands of commits, and no power cut in this test."""
    engine = line.records._engine
    engine.dispose()
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))


def never() -> Iterator[bytes]:
    raise AssertionError("a byte was read")
    yield b""


def delete(line: Line, document: Document) -> None:
    line.library.delete(line.actor, document.id)


def test_what_was_announced_and_does_not_fit_is_refused_before_its_first_byte(line: Line) -> None:
    limit(line, size=1000)
    line.accept(TEXT)
    offer = Offer("a.txt", None, declared_size=1001 - len(TEXT))
    with pytest.raises(QuotaExceeded) as refusal:
        line.intake.accept(line.actor, offer, never())
    assert refusal.value.members == {"quota": 1000, "used": len(TEXT)}
    line.accept(b"a" * (1000 - len(TEXT)))
    assert used(line) == (1000, 2)


def test_a_file_larger_than_the_whole_space_is_told_so(line: Line) -> None:
    """To delete something would not help; where it would, that is what is said."""
    limit(line, size=1000)
    line.accept(TEXT)
    for size, said in ((1001, "alone is larger than the 1,000 bytes"), (1000, "does not fit")):
        with pytest.raises(QuotaExceeded, match=said):
            line.intake.accept(line.actor, Offer("a.txt", None, declared_size=size), never())


@pytest.mark.parametrize("limits", [{"size": 1}, {"files": 1}])
def test_a_full_account_is_told_before_the_first_byte(line: Line, limits: dict[str, int]) -> None:
    line.accept(b"a")
    limit(line, **limits)
    with pytest.raises(QuotaExceeded):
        line.intake.accept(line.actor, Offer("a.txt", None), never())


def test_a_body_of_unknown_length_is_refused_with_the_segment_that_does_not_fit(
    line: Line,
) -> None:
    """The room is taken as it comes, and given back whole."""
    limit(line, size=9000)
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for _ in LONG:
            taken.append(used(line)[0])
            yield TEXT

    with pytest.raises(QuotaExceeded):
        line.intake.accept(line.actor, Offer("a.txt", None), pieces())
    assert len(set(taken)) > 2
    assert max(taken) <= 9000
    assert len(taken) < len(LONG)
    assert used(line) == (0, 0)
    assert not line.storage.objects


def test_the_last_segment_is_judged_as_well(line: Line) -> None:
    limit(line, size=len(TEXT) * len(LONG) - 1)
    with pytest.raises(QuotaExceeded):
        line.accept(*LONG)
    limit(line, size=len(TEXT) * len(LONG))
    line.accept(*LONG)
    assert used(line) == (len(TEXT) * len(LONG), 1)


@pytest.mark.parametrize("short", [None, 0, 50])
def test_an_announced_size_is_set_aside_with_the_first_segment(
    line: Line, short: int | None
) -> None:
    """Two that do not fit together: the second is refused, instead of both in the middle. A form
    knows its file's size but for a few bytes."""
    size = len(TEXT) * len(LONG)
    limit(line, size=size + 100)
    set_aside = size - (short or 0)
    offer = (
        Offer("a.txt", None, declared_size=size)
        if short is None
        else Offer("a.txt", None, at_least=set_aside)
    )

    def pieces() -> Iterator[bytes]:
        for number, piece in enumerate(LONG):
            if number == 80:
                assert used(line) == (set_aside, 1)
                with pytest.raises(QuotaExceeded):
                    line.accept(b"a" * (101 + size - set_aside))
            yield piece

    line.intake.accept(line.actor, offer, pieces())
    assert used(line) == (size, 1)


def test_a_shorter_time_at_the_desk_holds_for_what_is_there_already(line: Line) -> None:
    """The bytes go with the row, although they were announced for later."""
    line.engine.outcome = Outcome.INFECTED
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    line.tidier._keep_refused = timedelta(days=5)
    line.later(minutes=5 * 24 * 60 + 1)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert used(line) == (0, 0)
    assert not line.storage.objects


def test_users_do_not_share_a_quota(line: Line) -> None:
    limit(line, files=1)
    line.accept(TEXT)
    line.intake.accept(line.stranger, Offer("a.txt", None), iter([TEXT]))
    assert line.quotas.of(line.stranger.user_id) == Quota(len(TEXT), None, 1, None)


def test_a_process_that_dies_gives_its_room_back_after_the_grace_time(line: Line) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    line.intake._give_up = killed  # type: ignore[method-assign]
    faults.arm("s4:fail")
    with pytest.raises(Killed):
        line.accept(*LONG)
    assert used(line)[1] == 1
    line.later(minutes=31)
    line.tidier.tidy()
    assert used(line) == (0, 0)


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.INFECTED, Outcome.UNSCANNABLE])
def test_a_settled_document_counts_until_it_is_deleted(line: Line, outcome: Outcome) -> None:
    """What was refused is kept for the desk, so it takes up room."""
    line.engine.outcome = outcome
    document = line.accept(*LONG)
    line.runner.run(line.job_of(document))
    assert used(line) == (document.size, 1)
    delete(line, document)
    delete(line, document)
    assert used(line) == (0, 0)


def test_the_room_of_a_refused_file_comes_back_with_the_end_of_the_desks_time(line: Line) -> None:
    line.engine.outcome = Outcome.INFECTED
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    line.later(minutes=30 * 24 * 60 - 1)
    line.tidier.tidy()
    assert used(line) == (len(TEXT), 1)
    line.later(minutes=2)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert line.state(document) is State.EXPIRED
    assert used(line) == (0, 0)
    assert not line.storage.objects
    line.later(minutes=30 * 24 * 60 + 1)
    line.tidier.tidy()
    assert line.records.read(lambda work: work.documents.find(document.id)) is None


def test_whoever_has_plenty_of_room_is_not_looked_up_for_each_file(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is, a moment later; what the look would have missed is refused by the commit."""
    looks: list[str] = []
    honest = line.quotas.of
    monkeypatch.setattr(line.quotas, "of", lambda user_id: looks.append(user_id) or honest(user_id))
    limit(line, files=10)
    for _ in range(10):
        line.accept(TEXT)
    assert len(looks) == 1
    with pytest.raises(QuotaExceeded):
        line.accept(TEXT)
    line.later(minutes=1)
    with pytest.raises(QuotaExceeded):
        line.intake.accept(line.actor, Offer("a.txt", None), never())
    assert len(looks) == 2


def test_own_limits_stand_before_the_services_and_zero_is_none(line: Line) -> None:
    quotas, user_id = line.quotas, line.actor.user_id
    quotas._bytes_limit, quotas._files_limit = 5, 6
    assert quotas.of(user_id) == Quota(0, 5, 0, 6)
    assert quotas.set_limits(user_id, 7, 0, by="test") == Quota(0, 7, 0, None)
    assert quotas.own_limits(user_id) == (7, 0)
    assert quotas.set_limits(user_id, None, None, by="test") == Quota(0, 5, 0, 6)


def test_after_many_rounds_of_filling_and_deleting_nothing_has_drifted(line: Line) -> None:
    """Fill to the brim, be refused, delete, fill again; ended with a clean sum."""
    hasten(line)
    limit(line, files=3)
    kept = [line.accept(TEXT) for _ in range(3)]
    for number in range(ROUNDS):
        line.later(minutes=1)
        with pytest.raises(QuotaExceeded):
            line.quotas.foresee(line.actor.user_id, 1)
        delete(line, kept.pop(0))
        kept.append(line.accept(TEXT[number % 50 :]))
    assert used(line) == (sum(one.size for one in kept), 3)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("5", 5), ("5MiB", 5 * 1024**2), ("2 GiB", 2 * 1024**3), ("default", None), ("unlimited", 0)],
)
def test_an_amount_is_a_number_or_a_word(said: str, meant: int | None) -> None:
    assert Amount("MiB", "GiB").convert(said, None, None) == (meant,)


@pytest.mark.parametrize("said", ["0", "-1", "5 apples", "5mib", "", "9" * 19 + "GiB", "٣"])
def test_an_amount_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(BadParameter, match="unlimited"):
        Amount("MiB", "GiB").convert(said, None, None)
