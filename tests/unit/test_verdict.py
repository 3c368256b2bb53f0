"""The table that turns engines' words into a verdict, and a verdict into a state."""

from __future__ import annotations

import pytest

from uploads.documents.model import MOVES, EngineReport, Outcome, State
from workers.inspection.engine import EngineUnavailable
from workers.inspection.verdict import add_up, state_for

REQUIRED = ("structure", "yara")


def say(name: str, outcome: Outcome, reason: str | None = None) -> EngineReport:
    return EngineReport(name, "1", outcome, reason=reason)


def words(yara: Outcome, structure: Outcome = Outcome.CLEAN) -> list[EngineReport]:
    return [say("structure", structure, "bomb"), say("yara", yara)]


def test_only_the_word_of_every_required_engine_is_clean() -> None:
    assert add_up(words(Outcome.CLEAN), REQUIRED) == (Outcome.CLEAN, None)
    for outcome in set(Outcome) - {Outcome.CLEAN, Outcome.NOT_APPLICABLE}:
        try:
            assert add_up(words(outcome), REQUIRED)[0] is not Outcome.CLEAN
        except EngineUnavailable:
            continue


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.NOT_CONFIGURED])
def test_a_required_engine_that_did_not_speak_makes_the_file_wait(outcome: Outcome) -> None:
    with pytest.raises(EngineUnavailable):
        add_up(words(outcome), REQUIRED)


def test_a_required_engine_that_is_not_there_makes_the_file_wait() -> None:
    with pytest.raises(EngineUnavailable):
        add_up(words(Outcome.CLEAN), (*REQUIRED, "clamav"))


def test_an_engine_that_is_not_required_may_be_absent() -> None:
    reports = [*words(Outcome.CLEAN), say("clamav", Outcome.NOT_CONFIGURED)]
    assert add_up(reports, REQUIRED) == (Outcome.CLEAN, None)


def test_nobody_vouching_is_not_clean() -> None:
    silent = [say("structure", Outcome.NOT_APPLICABLE), say("yara", Outcome.NOT_APPLICABLE)]
    with pytest.raises(EngineUnavailable):
        add_up(silent, REQUIRED)
    with pytest.raises(EngineUnavailable):
        add_up([], ())


def test_infected_outweighs_unscannable() -> None:
    both = words(Outcome.INFECTED, Outcome.UNSCANNABLE)
    assert add_up(both, REQUIRED) == (Outcome.INFECTED, None)


def test_the_first_reason_is_the_verdicts() -> None:
    reports = words(Outcome.CLEAN, Outcome.UNSCANNABLE)
    assert add_up(reports, REQUIRED) == (Outcome.UNSCANNABLE, "bomb")


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("active-content", State.REJECTED),
        ("bomb", State.REJECTED),
        ("malformed-file", State.REJECTED),
        ("type-mismatch", State.REJECTED),
        ("encrypted", State.UNSCANNABLE),
        ("timeout", State.UNSCANNABLE),
        ("too-large", State.UNSCANNABLE),
        ("never heard of", State.UNSCANNABLE),
    ],
)
def test_each_reason_leads_to_its_state(reason: str, state: State) -> None:
    assert state_for(Outcome.UNSCANNABLE, reason) is state


def test_every_state_has_its_moves_and_the_end_has_none() -> None:
    assert set(MOVES) == set(State)
    assert not MOVES[State.DELETED]
    for state, following in MOVES.items():
        assert state not in following
        if state not in {State.SCANNING}:
            assert State.CLEAN not in following
