"""Mutated files and forms: no answer of 5xx, no dead process, everything settles.

`make fuzz` runs this with `--mutants=500`; the suite takes a small slice of the same mutants.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.mutants import Mutant, of_files, of_forms
from tests.support.invariants import Promises
from tests.support.people import Person
from tests.support.raw import FORM_TYPE
from tests.support.stack import Stack

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

SEED = 20240613
AT_ONCE = 4
BATCH = 200
SETTLE_SECONDS = 600
REFUSALS = {400, 413, 415, 422, 431}


@pytest.fixture
def mutants(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--mutants"))


@pytest.fixture
def everybody_lives(stack: Stack) -> Iterator[None]:
    """Fails when a web process or a worker was replaced: a dead one comes back under a new id."""
    # What works on a file has children that come and go.
    stack.rest()
    before = _living(stack)
    yield
    assert before <= _living(stack)


def _living(stack: Stack) -> set[int]:
    return {one.pid for word in ("gunicorn", "celery") for one in stack.named(word)}


@pytest.mark.usefixtures("everybody_lives")
def test_no_mutant_of_a_file_breaks_anything(
    alice: Person, promises: Promises, mutants: int
) -> None:
    """Every mutant is refused by the book or settles in a final state."""
    ends: Counter[str] = Counter()
    for batch in _batches(of_files(mutants, SEED)):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            taken = [one for one in pool.map(lambda mutant: _send(alice, mutant), batch) if one]
            for state in pool.map(lambda one: _end(alice, one), taken):
                ends[state] += 1
        sys.stderr.write(f"{batch[-1].label}: {dict(ends)}\n")
    assert sum(ends.values()) > 0
    assert set(ends) <= {"clean", "infected", "rejected", "unscannable"}
    promises.hold()


@pytest.mark.usefixtures("everybody_lives")
def test_no_mutant_of_a_form_breaks_anything(
    alice: Person, promises: Promises, mutants: int
) -> None:
    """Framing is refused by the book, or what it holds is a file like any other."""
    for mutant in of_forms(mutants, SEED):
        headers = {"Content-Type": FORM_TYPE}
        answer = alice.api.post("/documents", content=mutant.content, headers=headers)
        if answer.status_code == 202:
            _end(alice, answer.json()["id"])
        else:
            assert answer.status_code in REFUSALS, f"{mutant.label}: {answer.text}"
            assert answer.json()["code"]
    promises.hold()


def _batches(found: Iterator[Mutant]) -> Iterator[list[Mutant]]:
    while batch := list(itertools.islice(found, BATCH)):
        yield batch


def _send(person: Person, mutant: Mutant) -> str | None:
    """The id of a mutant that was taken in; None when it was refused by the book."""
    answer = person.api.post("/documents", params={"name": mutant.name}, content=mutant.content)
    if answer.status_code == 202:
        return str(answer.json()["id"])
    assert answer.status_code in REFUSALS, f"{mutant.label}: {answer.text}"
    assert answer.json()["code"]
    return None


def _end(person: Person, document_id: str) -> str:
    """The state it settled in; it is deleted then, so that thousands do not pile up."""
    state = str(person.settle(document_id, SETTLE_SECONDS)["state"])
    assert person.api.delete(f"/documents/{document_id}").status_code == 204
    return state
