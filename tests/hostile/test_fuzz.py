"""Mutated files, forms and requests: no answer of 5xx, no dead process, everything settles.

`make fuzz` runs this with `--mutants=500`; the suite takes a small slice of the same mutants.
"""

from __future__ import annotations

import itertools
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.hostile.mutants import REQUESTS, Mutant, of_files, of_forms, of_requests
from tests.support import raw
from tests.support.invariants import Promises
from tests.support.people import Person
from tests.support.raw import FORM_TYPE
from tests.support.samples import SAMPLES
from tests.support.stack import Stack

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

SEED = 20240613
AT_ONCE = 4
BATCH = 200
SETTLE_SECONDS = 600
REFUSALS = {400, 413, 415, 422, 431}
SETTLED = {"clean", "infected", "rejected", "unscannable"}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


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


class Tally:
    """What became of the mutants so far, told as they go: whoever waits an hour sees it move."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self._begun = time.monotonic()

    def tell(self, last: Mutant) -> None:
        """One line with the last mutant's name, how many there were, and what became of them."""
        took = time.monotonic() - self._begun
        ends = ", ".join(f"{count:,} {end}" for end, count in sorted(self.ends.items()))
        sys.stderr.write(f"{self.ends.total():,} in {took:,.0f} s, to {last.label}: {ends}\n")


@pytest.mark.usefixtures("everybody_lives")
def test_no_mutant_of_a_file_breaks_anything(
    alice: Person, promises: Promises, mutants: int
) -> None:
    """Every mutant is refused by the book or settles in a final state."""
    tally = Tally()
    for batch in _batches(of_files(mutants, SEED)):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = list(pool.map(lambda mutant: _send(alice, mutant), batch))
            taken = [one for one in sent if one]
            tally.ends["refused"] += len(sent) - len(taken)
            tally.ends += Counter(pool.map(lambda one: _end(alice, one), taken))
        tally.tell(batch[-1])
    assert tally.ends.total() == mutants * len(SAMPLES)
    assert set(tally.ends) <= {"refused", *SETTLED}
    assert set(tally.ends) & SETTLED
    promises.hold()


@pytest.mark.usefixtures("everybody_lives")
def test_no_mutant_of_a_form_breaks_anything(
    alice: Person, promises: Promises, mutants: int
) -> None:
    """Framing is refused by the book, or what it holds is a file like any other."""
    tally, headers = Tally(), {"Content-Type": FORM_TYPE}
    for batch in _batches(of_forms(mutants, SEED)):
        for mutant in batch:
            headers = {"Content-Type": FORM_TYPE}
            taken = _id(
                mutant, alice.api.post("/documents", content=mutant.content, headers=headers)
            )
            tally.ends[_end(alice, taken) if taken else "refused"] += 1
        tally.tell(batch[-1])
    assert tally.ends.total() == mutants
    promises.hold()


@pytest.mark.usefixtures("everybody_lives")
def test_no_mutant_of_a_request_breaks_anything(
    alice: Person, promises: Promises, mutants: int
) -> None:
    """Request line, headers, chunks and body: what cannot be read is said to be that, or nothing is
    said to who has said nothing.
    """
    tally = Tally()
    host = urlsplit(alice.stack.base_url).netloc
    for batch in _batches(of_requests(mutants, SEED, host, alice.key)):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for statuses in pool.map(lambda mutant: _statuses(alice, mutant), batch):
                tally.ends[" ".join(statuses) or "silence"] += 1
        tally.tell(batch[-1])
    assert tally.ends.total() == mutants * len(REQUESTS)
    assert not [end for end in tally.ends if "5" in end[:1] or " 5" in end]
    promises.hold()


def _batches(found: Iterator[Mutant]) -> Iterator[list[Mutant]]:
    while batch := list(itertools.islice(found, BATCH)):
        yield batch


def _send(person: Person, mutant: Mutant) -> str | None:
    """The id of a mutant that was taken in; None when it was refused by the book."""
    params = {"name": mutant.name}
    return _id(mutant, person.api.post("/documents", params=params, content=mutant.content))


def _id(mutant: Mutant, answer: httpx.Response) -> str | None:
    if answer.status_code == 202:
        return str(answer.json()["id"])
    assert answer.status_code in REFUSALS, f"{mutant.label}: {answer.text}"
    assert answer.json()["code"]
    return None


def _end(person: Person, document_id: str) -> str:
    """The state it settled in; it is deleted then, so that thousands do not pile up."""
    state = str(person.settle(document_id, SETTLE_SECONDS)["state"])
    person.discard(document_id)
    return state


def _statuses(person: Person, mutant: Mutant) -> list[str]:
    """All that is answered to these bytes, when nothing more comes behind them."""
    said, service = b"", ("127.0.0.1", person.stack.port)
    with suppress(ConnectionError), socket.create_connection(service, raw.SECONDS) as line:
        line.sendall(mutant.content)
        line.shutdown(socket.SHUT_WR)
        while part := line.recv(65536):
            said += part
    return [found.decode() for found in _STATUS.findall(said)]
