"""Several places ask one engine, and come and go: what one of them finds out counts for all."""

from __future__ import annotations

import pytest

from tests.support.guarded import Guarded
from tests.support.line import TEXT
from uploads.documents.model import Document, State
from workers.inspection.canaries import Canaries
from workers.inspection.engine import EngineUnavailable


def elsewhere(line: Guarded) -> Canaries:
    return line.sing(line.stand("there"))


def fails(line: Guarded, canaries: Canaries) -> None:
    """The engine lets a virus pass there, and only for this moment."""
    line.reader.knows = ()
    canaries.try_all()
    line.reader.knows = (b"EICAR",)


def test_a_worker_that_never_saw_it_well_takes_over_from_one_that_is_gone(line: Guarded) -> None:
    """A container is made anew under another name, and finds the engine broken at once."""
    line.canaries.try_all()
    line.later(minutes=2)
    before = line.publish()
    line.later(minutes=2)
    line.canaries.try_all()
    line.later(seconds=30)
    since = line.publish(TEXT + b"since\n")
    line.later(minutes=30)
    fails(line, elsewhere(line))
    assert line.state(since) is State.QUARANTINED
    assert line.state(before) is State.CLEAN
    assert line.job(line.job_of(since)).document_id == since.id


def cut_off(line: Guarded, monkeypatch: pytest.MonkeyPatch) -> Document:
    """A document that is doubted, by a worker that was killed before it said so to anybody."""
    document = line.publish()
    line.later(minutes=2)
    with monkeypatch.context() as patch:
        patch.setattr(line.canaries, "_withdraw", lambda _: None)
        fails(line, line.canaries)
    assert line.state(document) is State.CLEAN
    return document


def test_what_a_worker_left_to_be_withdrawn_another_one_s_sweep_withdraws(
    line: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = cut_off(line, monkeypatch)
    elsewhere(line).go_on()
    assert line.state(document) is State.QUARANTINED
    assert line.canary().withdraw_from is None


def test_what_is_to_be_withdrawn_is_not_forgotten_with_its_place(
    line: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = cut_off(line, monkeypatch)
    line.later(days=365)
    line.tidier.tidy()
    elsewhere(line).go_on()
    assert line.state(document) is State.QUARANTINED


def test_who_proved_itself_before_it_failed_elsewhere_does_so_again(line: Guarded) -> None:
    """Or a file that took long would be published by an engine that is known to be broken."""
    there = elsewhere(line)
    there.try_all()
    line.canaries.try_all()
    line.later(seconds=30)
    line.records.write(line.standing.vouch)
    fails(line, there)
    with pytest.raises(EngineUnavailable, match="elsewhere"):
        line.records.write(line.standing.vouch)
    line.later(seconds=1)
    line.canaries.try_stale()
    line.records.write(line.standing.vouch)


def test_a_place_that_keeps_failing_is_no_news_to_others(line: Guarded) -> None:
    """An engine of its own, which is broken for hours, keeps nobody else at proving."""
    there = elsewhere(line)
    for _ in range(2):
        fails(line, there)
        line.later(seconds=10)
    line.canaries.try_all()
    first = line.canary().tried_at
    line.later(seconds=10)
    fails(line, there)
    line.later(seconds=10)
    line.canaries.try_stale()
    assert line.canary().tried_at == first
    line.records.write(line.standing.vouch)
