"""Who is asked about a file, in what order, and for how long."""

from __future__ import annotations

import time

import pytest

from tests.support.line import TEXT, Line, Word
from uploads.documents.model import EngineReport, Outcome, State, Verdict
from workers.inspection.engine import (
    EngineErred,
    EngineLate,
    EngineSlowed,
    EngineUnavailable,
    Subject,
)
from workers.inspection.examining import Examiner, TimeFor, sources_of

ALL = ("structure", "yara", "clamav")


def examined(line: Line, *engines: Word) -> Verdict:
    document = line.accept(TEXT)
    job = line.job(line.job_of(document))
    segments = line.records.read(lambda work: work.documents.segments(document.id))
    examiner = Examiner(
        storage=line.storage,
        scratch_files=line.scratch,
        engines=engines,
        absent=[],
        required=ALL,
        clock=line.clock,
        transfer_seconds=60,
        time_for=TimeFor(30, 100),
    )
    with examiner.examined(job, document, sources_of(document, segments)) as (_, verdict):
        return verdict


def three(outcome: Outcome, reason: str | None) -> list[Word]:
    """Structure says this of a file, the others that it is clean or infected."""
    return [Word("structure", outcome, reason), Word("yara"), Word("clamav", Outcome.INFECTED)]


@pytest.mark.parametrize("reason", ["bomb", "timeout", "malformed-file", "encrypted"])
def test_the_scanner_is_not_asked_about_what_is_refused(line: Line, reason: str) -> None:
    """Also where it is silent: such a file need not wait for it."""
    engines = three(Outcome.UNSCANNABLE, reason)
    engines[2].silent = True
    verdict = examined(line, *engines)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNSCANNABLE, reason)
    assert [one.name for one in verdict.engines] == ["structure", "yara"]
    assert engines[2].seen == []


NAMEABLE = pytest.mark.parametrize("reason", ["active-content", "unknown-packing"])


@NAMEABLE
def test_what_the_scanner_may_know_better_it_is_asked(line: Line, reason: str) -> None:
    verdict = examined(line, *three(Outcome.UNSCANNABLE, reason))
    assert (verdict.outcome, verdict.engines[2].finding) == (Outcome.INFECTED, "Bad.Thing")


def test_what_one_engine_found_another_may_have_a_name_for(line: Line) -> None:
    verdict = examined(line, *three(Outcome.INFECTED, None))
    assert [one.outcome for one in verdict.engines] == [
        Outcome.INFECTED,
        Outcome.CLEAN,
        Outcome.INFECTED,
    ]


@NAMEABLE
def test_it_waits_for_a_scanner_that_is_silent(line: Line, reason: str) -> None:
    engines = three(Outcome.UNSCANNABLE, reason)
    engines[2].silent = True
    with pytest.raises(EngineUnavailable):
        examined(line, *engines)


def test_all_engines_share_one_deadline(line: Line) -> None:
    engines = [Word(name) for name in ALL]
    before = time.monotonic()
    examined(line, *engines)
    (deadline,) = {one.seen[0].deadline for one in engines}
    assert before + 90 < deadline <= time.monotonic() + 90 + len(TEXT) / 2**20
    assert len({id(one.seen[0].spent) for one in engines}) == 1
    assert engines[0].seen[0].cpu_seconds == 30 + len(TEXT) / 2**20


def test_a_larger_file_has_more_time_up_to_a_bound() -> None:
    """By the clock the time of two cells more, in which others have the processors."""
    times = TimeFor(30, 100)
    assert [times.of(size << 20) for size in (0, 2, 70, 5000)] == [30, 32, 100, 100]
    assert [times.by_the_clock(size << 20) for size in (0, 70)] == [90, 160]


def late(subject: Subject) -> EngineReport:
    raise EngineLate("over this one")


def test_one_file_is_too_late_three_times_and_then_for_good(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has it, for each time it is a worker that knows nothing of the others; other files
    are not counted with it, and it is no endless round."""
    slow = line.accept(TEXT)
    for _ in range(2):
        monkeypatch.setattr(line.engine, "inspect", late)
        line.new_worker().run(line.job_of(slow))
        monkeypatch.undo()
        assert line.state(slow) is State.QUARANTINED
        line.later(seconds=61)
    other = line.accept(b"another text\n", owner=line.stranger)
    line.new_worker().run(line.job_of(other))
    assert line.state(other) is State.CLEAN
    monkeypatch.setattr(line.engine, "inspect", late)
    line.new_worker().run(line.job_of(slow))
    assert line.state(slow) is State.UNSCANNABLE
    verdict = line.document(slow.id).verdict
    assert verdict is not None
    assert verdict.reason == "timeout"


def slowed(subject: Subject) -> EngineReport:
    raise EngineSlowed("the machine is busy")


def test_a_file_that_a_busy_machine_slowed_ends_clean(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = line.accept(TEXT)
    monkeypatch.setattr(line.engine, "inspect", slowed)
    for _ in range(9):
        line.new_worker().run(line.job_of(document))
        assert line.state(document) is State.QUARANTINED
        line.later(minutes=5)
    monkeypatch.undo()
    line.new_worker().run(line.job_of(document))
    assert line.state(document) is State.CLEAN


def test_a_file_that_is_slowed_ten_times_is_too_late_for_good(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no endless round."""
    document = line.accept(TEXT)
    monkeypatch.setattr(line.engine, "inspect", slowed)
    for _ in range(10):
        assert line.state(document) is State.QUARANTINED
        line.new_worker().run(line.job_of(document))
        line.later(minutes=5)
    verdict = line.document(document.id).verdict
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == (Outcome.UNSCANNABLE, "timeout")


def test_one_file_that_only_ever_errs_is_given_up_after_ten_times(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after three: what is the engine's own trouble may pass."""

    def erred(subject: Subject) -> EngineReport:
        raise EngineErred("neither word")

    document = line.accept(TEXT)
    monkeypatch.setattr(line.engine, "inspect", erred)
    for _ in range(10):
        assert line.state(document) is State.QUARANTINED
        line.new_worker().run(line.job_of(document))
        line.later(minutes=5)
    assert line.state(document) is State.UNSCANNABLE
    verdict = line.document(document.id).verdict
    assert verdict is not None
    assert verdict.reason == "engine-unavailable"


def test_an_engine_that_is_away_makes_no_file_late(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = line.accept(TEXT)
    monkeypatch.setattr(line.engine, "inspect", late)
    line.runner.run(line.job_of(document))
    monkeypatch.undo()
    line.engine.silent = True
    for _ in range(3):
        line.later(seconds=61)
        line.runner.run(line.job_of(document))
    line.later(seconds=61)
    job = line.job(line.job_of(document))
    assert (job.late, job.deferrals, job.starts) == (1, 4, 0)
    line.engine.silent = False
    line.runner.run(job.id)
    assert line.state(document) is State.CLEAN


def test_a_kill_forgets_no_late_answer(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second worker dies with the file in its hands; the third knows of the first."""
    document = line.accept(TEXT)
    for killed in (False, True, False, False):
        assert line.state(document) in {State.QUARANTINED, State.SCANNING}
        job_id = line.job_of(document)
        if killed:
            line.crash_once(job_id, "s11")
            continue
        monkeypatch.setattr(line.engine, "inspect", late)
        line.new_worker().run(job_id)
        monkeypatch.undo()
        line.later(seconds=61)
    assert line.state(document) is State.UNSCANNABLE
